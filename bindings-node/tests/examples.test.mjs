// The examples run as they are, in a fresh project that installed the packed files, against the simulator.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { createInterface } from "node:readline";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";

import { Simulator } from "../../tests/node/lockgate.mjs";
import { project, remove, run } from "./fresh.mjs";

let folder;
let simulator;

before(async () => {
  [simulator, folder] = await Promise.all([Simulator.start(), project()]);
});
after(async () => {
  await simulator?.stop();
  if (folder) await remove(folder);
});
beforeEach(() => simulator.reset());

function environment(more = {}) {
  const ours = { OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: simulator.urls.openai, HOME: folder };
  return { PATH: process.env.PATH, ...ours, LANGSMITH_TRACING: "false", ...more };
}

async function shown(name) {
  const options = { cwd: folder, env: environment(), timeout: 60_000 };
  const { stdout, stderr } = await run(process.execPath, [name], options);
  assert.equal(stderr, "");
  return stdout;
}

test("npm has laid the native module beside the package", async () => {
  await access(path.join(folder, "node_modules", "lockgate", "index.mjs"));
  const { stdout } = await run("npm", ["ls", "--all", "--json"], { cwd: folder });
  const { dependencies } = JSON.parse(stdout);
  assert.ok(dependencies.lockgate && Object.keys(dependencies).some((name) => name.startsWith("@lockgate/")), stdout);
});

test("hello", async () => {
  assert.match(await shown("01_hello.mjs"), /openai took \d+ ms and \$0\.0000\d+\n$/);
});

test("stream", async () => {
  const text = await shown("02_stream.mjs");
  assert.match(text, /18, 19, 20\n\$0\.0000\d+\nfirst: \S/);
  assert.deepEqual((await simulator.settled(2)).map(({ outcome }) => outcome)[0], "completed");
});

test("caps for each customer", async () => {
  const text = await shown("03_customer_caps.mjs");
  const [, answered, cost] = /refused: .* s\.\n(\d+) answered for \$(0\.\d+)\n$/.exec(text);
  assert.ok(Number(answered) > 0 && Number(cost) <= 0.001, text);
  assert.equal((await simulator.requests()).length, Number(answered));
});

test("the OpenAI SDK", async () => {
  assert.match(await shown("04_openai_sdk.mjs"), /openai 0\.0000\d+\n$/);
});

test("a web route", async () => {
  const server = spawn(process.execPath, ["05_web_route.mjs"], {
    cwd: folder,
    env: environment({ PORT: "0" }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const { value } = await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
    const { port } = JSON.parse(value.replace("listening on ", ""));
    const post = (question, more = {}) =>
      fetch(`http://127.0.0.1:${port}/ask`, { method: "POST", body: JSON.stringify({ question }), ...more });
    const whole = await post("count to 20");
    assert.equal(whole.status, 200);
    assert.match(await whole.text(), /20$/);
    await simulator.scriptFor("openai", { kind: "slow_events", ms: 20 });
    const leaving = new AbortController();
    const left = await post("count to 400", { signal: leaving.signal });
    await left.body.getReader().read();
    leaving.abort();
    assert.deepEqual(
      (await simulator.settled(2)).map(({ outcome }) => outcome),
      ["completed", "aborted"],
    );
    const headers = { "x-user": "greedy" };
    const statuses = new Set();
    for (let number = 0; number < 100 && !statuses.has(429); number += 1) {
      const answer = await post(`question ${number}`, { headers });
      statuses.add(answer.status);
      const text = await answer.text();
      if (answer.status !== 200) assert.equal(JSON.parse(text).code, "customer_spend_exceeded");
    }
    assert.deepEqual(statuses, new Set([200, 429]));
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  } finally {
    server.kill("SIGKILL");
  }
});

test("a tool loop of the Vercel AI SDK", async () => {
  const text = await shown("06_ai_sdk_tools.mjs");
  assert.match(text, /openai\.chat: 2 steps; It is sunny in .*\n/);
  assert.match(text, /openai\.responses: 2 steps; It is sunny in .*\n/);
  assert.match(text, /19, 20\n5 calls for \$0\.0\d+\n$/);
  assert.equal((await simulator.requests()).length, 5);
});

test("LangChain", async () => {
  const text = await shown("07_langchain.mjs");
  assert.match(text, /tool: It is sunny in .*\n[^]*\n2 calls for \$0\.0\d+\n$/);
  assert.equal((await simulator.requests()).length, 2);
});
