// The Node example of examples/http, run as it is against a gateway.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, rm } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Lockgate } from "./lockgate.mjs";

const EXAMPLE = new URL("../../examples/http/05_openai_sdk.mjs", import.meta.url);
// A module finds its packages from where it lies.
const HERE = new URL("./node_modules/.example.mjs", import.meta.url);

test("the openai example", async () => {
  const lockgate = await Lockgate.start();
  try {
    const { key } = await lockgate.createKey();
    await copyFile(EXAMPLE, HERE);
    const env = { PATH: process.env.PATH, LOCKGATE_URL: lockgate.baseURL, LOCKGATE_KEY: key };
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(HERE)], { env, timeout: 30_000 });
    assert.match(stdout, /five languages/);
    assert.match(stdout, /cost in USD: 0\.0000\d+ cache: miss/);
    assert.match(stdout, /1, 2, 3[^]*19, 20\n$/);
  } finally {
    await rm(HERE, { force: true });
    await lockgate.stop();
  }
});
