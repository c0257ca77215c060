// Copied into dist/ by the build: the one place where text becomes code, the plug-ins a project names
// (docs/adr/0014-plug-ins-are-one-text.md). Never taken from the code cache, which knows no `import()`.
"use strict";

/** The module of a text. It has no place, so that it can import modules of Node only. */
exports.importText = (text) => import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
