/**
 * Packaged templates, compiled by Handlebars, by what they were made from (`templateKey`). Empty in the source: the build
 * puts compiled ones in this module's place (scripts/precompile.mjs), because compiling them takes longer than a short run.
 */
export const precompiledTemplates: ReadonlyMap<string, TemplateSpecification> = new Map();
