/** ARCHITECTURE.md names folders, files and types; all of them must exist, and no folder may be missing from it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, readDocument, root } from "./markdown.ts";

const map = readDocument("ARCHITECTURE.md");
const sources = ["src", "sandbox"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => readFileSync(join(root, folder, path), "utf8")),
  )
  .join("\n");

describe("the code map", () => {
  it("names every folder of src/ and every folder at the top", () => {
    const known = map.code.map(({ text }) => text);
    const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.length).toBeGreaterThanOrEqual(8);
    for (const { name } of folders) expect(known).toContain(`src/${name}/`);
    for (const name of ["bin", "docs", "reports", "runbooks", "sandbox", "schemas", "scripts", "test"])
      expect(known).toContain(`${name}/`);
  });

  it.each(
    ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", ...documents().map(({ path }) => path)].filter(
      (path, at, paths) => paths.indexOf(path) === at && path !== "CHANGELOG.md",
    ),
  )("%s names only files of the project that exist", (path) => {
    const named = readDocument(path).code.filter(({ text }) =>
      /^(?:\.ci|bin|docs|reports|runbooks|sandbox|schemas|scripts|src|test)\/[\w./-]*$/.test(text),
    );
    if (path === "ARCHITECTURE.md") expect(named.length).toBeGreaterThan(50);
    // NAME stands for any name.
    const missing = named.filter(({ text }) => !text.includes("NAME") && !existsSync(join(root, text)));
    expect(missing.map(({ text, line }) => `${path}:${line} ${text}`)).toEqual([]);
  });

  it("names only types and functions that the code declares", () => {
    const named = map.code.filter(({ text }) => /^[A-Z][a-z]\w*[A-Z]\w*$|^[a-z]+[A-Z]\w*\(\)$|^[a-z]+\(\)$/.test(text));
    expect(named.length).toBeGreaterThan(25);
    const missing = named.filter(({ text }) => {
      const name = text.replace("()", "");
      return !new RegExp(
        `\\b(?:function|class|interface|type|const|let)\\s+${name}\\b|^\\s+(?:readonly |private |async )*${name}\\??[(:]`,
        "m",
      ).test(sources);
    });
    expect(missing.map(({ text, line }) => `ARCHITECTURE.md:${line} ${text}`)).toEqual([]);
  });
});
