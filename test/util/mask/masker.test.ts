import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker, MASK } from "../../../src/util/mask/masker.ts";
import { corpus, createRandom, encodings, randomText } from "./secrets-corpus.ts";

const named = (values: readonly string[]) => values.map((value, at) => ({ name: `SECRET_${at}`, value }));
const everything = createMasker(named(corpus));

/** Pushes `bytes` cut at the given offsets. */
function streamed(masker: ReturnType<typeof createMasker>, bytes: Buffer, cuts: readonly number[]): Buffer {
  const stream = masker.stream();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    out.push(Buffer.from(stream.push(bytes.subarray(from, cut))));
    from = cut;
  }
  out.push(Buffer.from(stream.end()));
  return Buffer.concat(out);
}

describe("corpus", () => {
  it("has 40 secrets and at least 20 encodings", () => {
    expect(corpus.length).toBe(40);
    expect(new Set(corpus).size).toBe(40);
    expect(encodings.length).toBeGreaterThanOrEqual(20);
  });

  for (const { name, encode } of encodings) {
    it(`hides ${name}, at every split offset`, () => {
      for (const [at, secret] of corpus.entries()) {
        const masker = createMasker(named([secret]));
        const { shown, secretPart } = encode(secret);
        const line = Buffer.from(`[out] ${shown} [end]\n`);
        const whole = masker.bytes(line).toString();
        if (secretPart.length >= 4) {
          expect(whole, `secret ${at}`).not.toContain(secretPart);
          expect(whole, `secret ${at}`).toContain(MASK);
        }
        expect(whole.startsWith("[out]") && whole.endsWith("[end]\n"), `secret ${at}: surroundings`).toBe(true);
        for (let cut = 0; cut <= line.length; cut++) {
          const text = streamed(masker, line, [cut]).toString();
          if (text !== whole) expect(text, `secret ${at}, cut ${cut}`).toBe(whole);
        }
        const bytewise = streamed(
          masker,
          line,
          Array.from(line, (_, offset) => offset),
        );
        expect(bytewise.toString(), `secret ${at}, byte by byte`).toBe(whole);
      }
    });
  }

  it("hides all of them with one masker", () => {
    for (const { name, encode } of encodings) {
      for (const [at, secret] of corpus.entries()) {
        const { shown, secretPart } = encode(secret);
        if (secretPart.length < 4) continue;
        expect(everything.text(`<${shown}>`), `${name}, secret ${at}`).not.toContain(secretPart);
      }
    }
  });
});

describe("lines of a multi-line secret", () => {
  const key = corpus.find((secret) => secret.startsWith("-----BEGIN"))!;
  const masker = createMasker([{ name: "KEY", value: key }]);

  it("hides each line alone, and base64 as the base64 command breaks it", () => {
    const line = key.split("\n")[2]!;
    expect(masker.text(`a ${line} b`)).toBe("a *** b");
    const broken = Buffer.from(key).toString("base64").replace(/.{76}/g, "$&\n");
    const shown = masker.text(broken);
    expect(shown.replaceAll(MASK, "").trim().length).toBeLessThan(4);
  });

  it("keeps the frame of a PEM file and ordinary words, which are no secret", () => {
    expect(masker.text("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
    const words = createMasker([{ name: "CONF", value: "production\nq8Zr2-long-part\n" }]);
    expect(words.text("production q8Zr2-long-part")).toBe("production ***");
  });
});

describe("merging", () => {
  it("makes one mask of overlapping, nested and touching secrets, whatever the length", () => {
    const masker = createMasker(named(["abcdefgh", "efghijkl", "cdef", "0123456789"]));
    expect(masker.text("<abcdefghijkl>")).toBe("<***>");
    expect(masker.text("<abcdefgh0123456789>")).toBe("<***>");
    expect(masker.text("abcdefgh abcdefgh")).toBe("*** ***");
    expect(masker.text("<abcdefghij>")).toBe("<***ij>");
  });

  it("prefers the longest of secrets that begin alike", () => {
    const masker = createMasker(named(["token-1", "token-1-extended"]));
    expect(masker.text("token-1 token-1-extended token-1-ext")).toBe("*** *** ***-ext");
  });
});

describe("streams", () => {
  const masker = createMasker(named(["sekret-value", "value-of-other"]));

  it("holds back only what may be the beginning of a secret", () => {
    const stream = masker.stream();
    expect(stream.push(Buffer.from("plain text.\n")).toString()).toBe("plain text.\n");
    expect(stream.push(Buffer.from("x sek")).toString()).toBe("x ");
    expect(stream.push(Buffer.from("un.")).toString()).toBe("sekun.");
    expect(stream.push(Buffer.from("sekret-value")).toString()).toBe("***");
    expect(stream.push(Buffer.from("-of-other!")).toString()).toBe("!");
    expect(stream.push(Buffer.from("sekret-val")).toString()).toBe("");
    expect(stream.end().toString()).toBe("sekret-val");
    expect(stream.push(Buffer.from("u!")).toString()).toBe("u!");
  });

  it("does not depend on the caller keeping the chunk's memory", () => {
    const stream = masker.stream();
    const chunk = Buffer.from("..sekret");
    expect(stream.push(chunk).toString()).toBe("..");
    chunk.fill(0x78);
    expect(stream.push(Buffer.from("-value!")).toString()).toBe("***!");
  });

  it("masks the last part of a secret after a gap, and nothing else of the beginning", () => {
    const afterGap = (text: string, cut: number): string => {
      const stream = masker.stream({ afterGap: true });
      return [text.slice(0, cut), text.slice(cut)]
        .map((part) => stream.push(Buffer.from(part)).toString())
        .concat(stream.end().toString())
        .join("");
    };
    for (const cut of [0, 1, 3, 7]) {
      expect(afterGap("et-value and sekret-value and et-value", cut)).toBe("*** and *** and et-value");
      expect(afterGap("an ordinary line et-value", cut)).toBe("an ordinary line et-value");
    }
    expect(afterGap("alue", 2)).toBe("***");
    expect(afterGap("lue", 2)).toBe("lue");
    expect(afterGap("ther", 4)).toBe("***");
  });

  // The shortest pattern decides how many bytes the matcher's filter steps at once: 1, 2 and 4 here.
  for (const patterns of [
    ["abab", "babbb", "aabba", "bbbbbbba", "abcabcabx"],
    ["ababa", "babbbb", "abcabcabx", "bbbbbbbbbbba"],
    ["abababc", "bbbabbba", "cabcabcabcabx", "abababababababb"],
  ]) {
    it(`gives the same bytes for any cut of any text over a small alphabet: ${patterns[0]}`, () => {
      const small = createMasker(named(patterns));
      fc.assert(
        fc.property(
          fc.array(fc.constantFrom("a", "b", "c", "x", "ab", "abab", ...patterns), { maxLength: 40 }),
          fc.array(fc.nat(), { maxLength: 8 }),
          (units, offsets) => {
            const bytes = Buffer.from(units.join(""));
            const cuts = offsets.map((offset) => offset % (bytes.length + 1)).sort((one, two) => one - two);
            const expected = naive(bytes.toString("latin1"), patterns);
            expect(small.bytes(bytes).toString()).toBe(expected);
            expect(streamed(small, bytes, cuts).toString()).toBe(expected);
          },
        ),
        { numRuns: 2000, seed: 11 },
      );
    });
  }
});

/** The specification in its slowest form: mark every byte of every occurrence, then put one mask for each marked range. */
function naive(text: string, patterns: readonly string[]): string {
  const marked = new Array<boolean>(text.length).fill(false);
  for (const pattern of patterns) {
    for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
      marked.fill(true, at, at + pattern.length);
    }
  }
  return [...text].map((unit, at) => (marked[at] ? (marked[at - 1] ? "" : MASK) : unit)).join("");
}

describe("what is no secret", () => {
  it("keeps all other bytes, NUL and invalid UTF-8 included", () => {
    const masker = createMasker(named(["binary-secret"]));
    const all = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
    expect(masker.bytes(all)).toBe(all);
    const mixed = Buffer.concat([all, Buffer.from("binary-secret"), all]);
    expect(masker.bytes(mixed)).toEqual(Buffer.concat([all, Buffer.from(MASK), all]));
    expect(streamed(masker, mixed, [5, 4100, 4101])).toEqual(Buffer.concat([all, Buffer.from(MASK), all]));
  });

  it("masks at most one place in 10 MB of ordinary logs with 100 secrets", () => {
    const random = createRandom(3);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const secrets = Array.from({ length: 100 }, (_, at) => randomText(random, 8 + (at % 40), alphabet));
    const masker = createMasker(named(secrets));
    const words =
      "GET POST /api/v1/users status=200 deploy release image sha256: machine started health check ok in ms".split(" ");
    const lines: string[] = [];
    for (let size = 0; size < 10_000_000; ) {
      const line = `2026-11-20T17:${Math.floor(random() * 60)}:00.${Math.floor(random() * 1000)}Z ${words[Math.floor(random() * words.length)]} ${words[Math.floor(random() * words.length)]} id=${randomText(random, 24, "0123456789abcdef")} token=${randomText(random, 20, alphabet)} ${Math.floor(random() * 100000)}\n`;
      lines.push(line);
      size += line.length;
    }
    const masked = masker.bytes(Buffer.from(lines.join(""))).toString();
    expect(masked.split(MASK).length - 1).toBeLessThanOrEqual(1);
  });

  it("changes nothing without secrets", () => {
    const masker = createMasker([]);
    const bytes = Buffer.from("anything");
    expect(masker.bytes(bytes)).toBe(bytes);
    expect(masker.stream().push(bytes)).toBe(bytes);
    expect(masker.stream().end().length).toBe(0);
    expect(masker.text("anything")).toBe("anything");
  });

  it("leaves masked text alone when it is masked again", () => {
    for (const { encode } of encodings) {
      for (const secret of corpus) {
        const once = everything.text(`a ${encode(secret).shown} b ${secret}${secret}`);
        expect(everything.text(once)).toBe(once);
      }
    }
  });
});

describe("json", () => {
  const masker = createMasker(named(["sekret-value", "90817263", "true-ish", "other-secret"]));

  it("masks strings, keys, numbers and text that only JSON shows", () => {
    const value = {
      a: ["x sekret-value", 90817263, 1908172634, 12, true, null, undefined],
      "key sekret-value": { deep: "sekret-value" },
    };
    expect(masker.json(value)).toEqual({
      a: ["x ***", MASK, "1***4", 12, true, null, undefined],
      "key ***": { deep: MASK },
    });
  });

  it("keeps both of two keys that become equal, and a key named __proto__", () => {
    const value = JSON.parse('{"sekret-value": 1, "other-secret": 2, "__proto__": "sekret-value"}') as object;
    const masked = masker.json(value);
    expect(JSON.stringify(masked)).toBe('{"***":1,"***#2":2,"__proto__":"***"}');
    expect(Object.getPrototypeOf(masked)).toBe(Object.prototype);
  });

  it("returns the very value when there is nothing to mask, and keeps null prototypes", () => {
    const value = { a: [1, { b: "plain" }] };
    expect(masker.json(value)).toBe(value);
    const bare = Object.assign(Object.create(null) as object, { a: "sekret-value" });
    expect(Object.getPrototypeOf(masker.json(bare))).toBe(null);
  });

  it("refuses what is no plain data", () => {
    expect(() => masker.json({ a: new Map([["k", "sekret-value"]]) })).toThrow("cannot mask a Map");
    expect(() => masker.json({ a: () => 1 })).toThrow("cannot mask a function");
  });

  it("masks before anything is cut off", () => {
    const text = `${"x".repeat(90)}sekret-value`;
    expect(masker.text(text).slice(0, 96)).not.toContain("sekret");
  });
});

describe("createMasker", () => {
  it("refuses a secret that cannot be masked, naming it and not its value", () => {
    expect(() => createMasker([{ name: "PIN", value: "123" }])).toThrow(/^Secret PIN is shorter than 4 bytes/);
    expect(() => createMasker([{ name: "EMPTY", value: "" }])).toThrow(/^Secret EMPTY is empty/);
  });
});
