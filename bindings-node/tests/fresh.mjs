// A project that installs the packed files with npm, as a user does. The SDKs are those of these tests.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ROOT } from "./support.mjs";

// A module finds its packages from where it lies, and in the folders above.
const PLACE = fileURLToPath(new URL("./node_modules/.fresh-", import.meta.url));
const PACKED = path.join(ROOT, ".cache", "tests", "npm");
export const EXAMPLES = path.join(ROOT, "examples", "node");
export const run = promisify(execFile);

/** A fresh project with the package and all examples; its folder. */
export async function project() {
  const folder = await mkdtemp(PLACE);
  const archives = (await readdir(PACKED)).filter((name) => name.endsWith(".tgz"));
  assert.equal(archives.length, 2, `${PACKED} holds ${archives}: tests/run packs two files`);
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ name: "fresh", private: true, type: "module" }));
  const options = ["--offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...options, ...archives.map((name) => path.join(PACKED, name))], { cwd: folder });
  for (const name of await examples()) await copyFile(path.join(EXAMPLES, name), path.join(folder, name));
  return folder;
}

export async function examples() {
  const found = (await readdir(EXAMPLES)).filter((name) => name.endsWith(".mjs")).sort();
  assert.ok(found.length >= 5);
  return found;
}

export function remove(folder) {
  return rm(folder, { recursive: true, force: true });
}
