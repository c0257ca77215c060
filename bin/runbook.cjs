#!/usr/bin/env node
// Kept out of dist/ so that npm can link it before the first build.
require("../dist/cli.cjs");
