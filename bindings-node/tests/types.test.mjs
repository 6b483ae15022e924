// The types that the package ships, as `tsc --strict` reads them in a fresh project: a surface written for it, for both
// module systems, and the examples.

import assert from "node:assert/strict";
import { copyFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { examples, project, remove, run } from "./fresh.mjs";

const TYPES = fileURLToPath(new URL("./types/", import.meta.url));
const COMPILER = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));

let folder;

before(async () => {
  folder = await project();
  for (const name of await readdir(TYPES)) await copyFile(path.join(TYPES, name), path.join(folder, name));
});
after(() => folder && remove(folder));

/** What the compiler complains about; nothing where all is well. */
async function check(options, files) {
  const strict = { strict: true, noEmit: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const lib = ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"];
  const compilerOptions = { target: "es2022", lib, types: ["node"], ...strict, ...options };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const done = await run(process.execPath, [COMPILER, "--project", folder], { cwd: folder }).catch((failed) => failed);
  return done.stdout;
}

const NODE = { module: "node16", moduleResolution: "node16" };

test("the surface, for import and for require", async () => {
  assert.equal(await check({ ...NODE, skipLibCheck: true }, ["surface.mts", "required.cts"]), "");
});

test("the surface, as bundlers see it", async () => {
  const bundler = { module: "esnext", moduleResolution: "bundler", skipLibCheck: true };
  assert.equal(await check(bundler, ["surface.mts"]), "");
});

test("the package's own declarations, checked, with and without the DOM's", async () => {
  for (const lib of [
    ["es2023", "esnext.disposable"],
    ["es2023", "esnext.disposable", "dom"],
  ]) {
    assert.equal(await check({ ...NODE, lib, skipLibCheck: false }, ["required.cts"]), "");
  }
});

test("the examples", async () => {
  // Of Node alone: it has more than browsers do.
  const lib = ["es2023", "esnext.disposable"];
  const options = { ...NODE, lib, skipLibCheck: true, allowJs: true, checkJs: true };
  assert.equal(await check(options, await examples()), "");
});
