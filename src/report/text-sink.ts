/** Documents on their way out. */

/** Characters after which a piece is handed on. Longer ones are no faster: joining their parts leaves the cache. */
const pieceLength = 32 * 1024;

/** Takes text as it is made and hands it on in pieces, so that a long document is never one string. */
export class TextSink {
  #text = "";
  readonly #write: (piece: string) => void;

  constructor(write: (piece: string) => void) {
    this.#write = write;
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= pieceLength) this.end();
  }

  /** Hands on what is left. */
  end(): void {
    const piece = this.#text;
    this.#text = "";
    if (piece !== "") this.#write(piece);
  }
}

/** A whole document, written in pieces each time it is called. */
export type Document = (write: (piece: string) => void) => void;

/** A document as one string. */
export function collected(document: Document): string {
  const pieces: string[] = [];
  document((piece) => pieces.push(piece));
  return pieces.join("");
}

/** What a template's function writes. */
export function documentOf<View>(template: (view: View, out: TextSink) => void, view: View): Document {
  return (write) => {
    const out = new TextSink(write);
    template(view, out);
    out.end();
  };
}

/** What `{{#if}}` takes for given: not null, false, 0, an empty text or an empty list. */
export function isGiven<T>(value: T): value is NonNullable<T> {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
