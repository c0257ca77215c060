/** Values that quoting breaks: what a file of secrets may really hold. */
export const awkwardSecrets: Readonly<Record<string, string>> = {
  HASH: "before#after # not a comment",
  QUOTES: `say "yes" and 'no'`,
  QUOTED: `"in quotes"`,
  LEADING: "   three blanks before",
  TRAILING: "a blank behind ",
  EQUALS: "a=b==",
  BACKSLASH: "C:\\new\\table",
  DOLLAR: "$HOME and ${PATH} and $(id)",
  NEWLINES: "-----BEGIN KEY-----\nabc#def\n\n  indented\n-----END KEY-----",
  FINAL_NEWLINE: "ends with a line end\n",
  UNICODE: "Grüße, Ωmega, 🔑",
};
