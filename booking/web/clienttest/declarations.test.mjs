// The declarations say what the module has: no name more, no name less.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { module } from "./fakes.mjs";

const declarations = await readFile(new URL("../assets/booking-client.d.ts", import.meta.url), "utf8");

/** What is declared between the braces of a class or an interface, by name: members at the first level only. */
function members(kind, name) {
  const body = new RegExp(`^export ${kind} ${name}\\b[^{]*\\{(?:\\}|\\n(.*?)^\\})`, "ms").exec(declarations);
  assert.ok(body, `${kind} ${name} is not declared`);
  const found = (body[1] ?? "").matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm);
  return [...found].map(([, member]) => member).filter((member) => member !== "constructor").sort();
}

const about = { code: "x", title: "t", detail: "d", status: 400, quote: {}, newTotal: {} };

test("each export is declared, and each declaration is exported", () => {
  const declared = [...declarations.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(declared.sort(), Object.keys(module).sort());
});

test("the client has the declared methods", () => {
  const methods = Object.getOwnPropertyNames(module.BookingClient.prototype).filter((name) => name !== "constructor");
  assert.deepEqual(members("class", "BookingClient"), methods.sort());
});

test("each error has the declared base and fields", () => {
  for (const [name, kind] of Object.entries(module).filter(([name]) => name.endsWith("Error"))) {
    const base = Object.getPrototypeOf(kind);
    assert.match(declarations, new RegExp(`^export class ${name} extends ${base.name} \\{`, "m"));
    const inherited = base === Error ? ["name", "stack", "message", "cause"] : Object.getOwnPropertyNames(new base(about));
    const own = Object.getOwnPropertyNames(new kind(about)).filter((field) => !inherited.includes(field));
    assert.deepEqual(members("class", name), own.sort(), name);
  }
});

test("each option is known to the client, and only those", () => {
  const options = members("interface", "BookingClientOptions");
  assert.ok(options.includes("patience"));
  for (const option of options) new module.BookingClient({ [option]: undefined });
  assert.throws(() => new module.BookingClient({ nothing: 1 }), TypeError);
});
