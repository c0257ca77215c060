/** Where statements end, without a server: what `sql` and `tap` rely on to keep a text inside its transaction. */
import { expect, test } from "vitest";
import { isTransactionControl, splitStatements, verbOf } from "../../../src/steps/postgres/statements.ts";

const texts = (source: string) => splitStatements(source).statements.map(({ text }) => text);

test.each([
  ["two statements", "select 1; select 2;", ["select 1", "select 2"]],
  ["the last one without a semicolon", "select 1", ["select 1"]],
  ["a semicolon in a string", "select ';'; select 'it''s; so'", ["select ';'", "select 'it''s; so'"]],
  ["a backslash in a plain string", "select '\\'; select 2", ["select '\\'", "select 2"]],
  ["a backslash in an escape string", "select E'\\'; still'; select 2", ["select E'\\'; still'", "select 2"]],
  ["a semicolon in a quoted name", 'select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', "select 2"]],
  ["dollar quotes", "do $$ begin; end $$; select $x$ $$; $x$;", ["do $$ begin; end $$", "select $x$ $$; $x$"]],
  ["a dollar inside a name", "select a$b$c; select 2", ["select a$b$c", "select 2"]],
  ["comments", "-- one; \nselect 1; /* a; /* b; */ c; */ select 2 -- end;", ["select 1", "select 2 -- end;"]],
  [
    "a body in standard SQL",
    "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3;",
    ["create function f() returns int begin atomic select case when true then 1 end; select 2; end", "select 3"],
  ],
  [
    "a rule in brackets",
    "create rule r as on insert to t do (delete from a; delete from b); select 1",
    ["create rule r as on insert to t do (delete from a; delete from b)", "select 1"],
  ],
  ["nothing", " -- only a comment\n ;; ", []],
])("splits at the right semicolons: %s", (_, source, expected) => {
  expect(texts(source)).toEqual(expected);
  expect(splitStatements(source).open).toBeNull();
});

test.each([
  ["select 'a", "a string"],
  ['select "a', "a quoted name"],
  ["select /* a", "a comment"],
  ["do $body$ begin", "$body$-quoted text"],
  ["select (1", "a bracket"],
  ["create function f() returns int begin atomic select 1;", "the body of a function"],
])("sees what never ends: %s", (source, what) => {
  expect(splitStatements(`\n${source}`).open).toMatchObject({ what, line: 2 });
});

test("names the line of a statement, of psql's commands and of variables", () => {
  const seen = splitStatements("-- head\n\nselect 1;\n\\c shop\nselect :'since', x::text, :bare\n  from t;");
  expect(seen.statements.map(({ line }) => line)).toEqual([3, 5]);
  expect(seen.metas).toEqual([{ line: 4, text: "\\c shop" }]);
  expect(seen.variables).toEqual([
    { line: 5, name: "since", isQuoted: true },
    { line: 5, name: "bare", isQuoted: false },
  ]);
});

test.each([
  "begin",
  "BEGIN WORK",
  "commit",
  "end",
  "rollback",
  "abort",
  "start transaction",
  "prepare transaction 'x'",
  "set transaction read write",
  "set session characteristics as transaction read write",
])("%s controls a transaction", (source) => {
  expect(splitStatements(source).statements.map(isTransactionControl)).toEqual([true]);
});

test.each(["rollback to savepoint a", "savepoint a", "do $$ begin commit; end $$", "select 'commit'", "set role x"])(
  "%s does not",
  (source) => {
    expect(splitStatements(source).statements.map(isTransactionControl)).toEqual([false]);
  },
);

test("the verb behind WITH is that of the last part", () => {
  const verb = (source: string) => splitStatements(source).statements.map(verbOf)[0];
  expect(verb("with a as (select 1) insert into t select * from a")).toBe("insert");
  expect(verb("with a as (delete from t returning *) select * from a")).toBe("select");
  expect(verb("values (1)")).toBe("values");
});
