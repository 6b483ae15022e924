// What a release consists of.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT, workbench } from "./support.mjs";

const bench = workbench();
const run = promisify(execFile);
const NODE = path.join(ROOT, "bindings-node");
const read = async (...file) => JSON.parse(await readFile(path.join(...file), "utf8"));

test("the package asks for one package of its own version for each platform", async () => {
  const require = createRequire(import.meta.url);
  const { optionalDependencies, version, files } = require("lockgate/package.json");
  const { platforms } = await read(NODE, "platforms.json");
  const wanted = platforms.map(({ name }) => [`@lockgate/${name}`, version]);
  assert.deepEqual(Object.entries(optionalDependencies), wanted);
  assert.ok(files.includes("lib"));
  const own = require(`@lockgate/${platforms.find(({ os, cpu, libc }) => fits(os, cpu, libc)).name}/package.json`);
  assert.deepEqual([own.version, own.os, own.cpu], [version, [process.platform], [process.arch]]);
});

function fits(os, cpu, libc) {
  const { glibcVersionRuntime } = process.report.getReport().header;
  const here = process.platform === "linux" ? (glibcVersionRuntime ? "glibc" : "musl") : undefined;
  return os === process.platform && cpu === process.arch && libc === here;
}

test("the versions of the crate and of the package are one", async () => {
  const { version } = await read(NODE, "package.json");
  const cargo = await readFile(path.join(ROOT, "Cargo.toml"), "utf8");
  assert.equal(/\[workspace\.package\]\nversion = "(.*)"/.exec(cargo)[1], version);
});

test("a release with a platform missing is not published", async () => {
  const { version } = await read(NODE, "package.json");
  const { platforms } = await read(NODE, "platforms.json");
  const names = [...platforms.map(({ name }) => `lockgate-${name}-${version}.tgz`), `lockgate-${version}.tgz`];
  const publish = [path.join(ROOT, ".ci", "release-node"), ["publish", bench.folder]];
  for (const name of names.slice(1)) await writeFile(path.join(bench.folder, name), "");
  const refused = await run(...publish).catch((error) => error);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, new RegExp(`not all of the release: ${names[0]}`));
  await writeFile(path.join(bench.folder, names[0]), "");
  const { stdout } = await run(path.join(ROOT, "tests", "npm"), ["--list", bench.folder]);
  assert.deepEqual(
    stdout.trim().split("\n"),
    names.map((name) => path.join(bench.folder, name)),
  );
});
