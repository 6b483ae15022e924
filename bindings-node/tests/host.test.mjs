// A guest in somebody else's process: loading, worker threads, several gateways, the end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { Gateway } from "lockgate";

import { ask, atRest, eventually, workbench } from "./support.mjs";

const bench = workbench();
const HERE = fileURLToPath(new URL(".", import.meta.url));
const SQLITE = () => `sqlite://${path.join(bench.folder, "lockgate.db")}`;

/** Runs a module in a fresh process: `SETTINGS`, `lockgate` and `ask` are there. Resolves to what it printed. */
async function child(script, more = {}, { flags = [], status = 0, signal = null } = {}) {
  const head = `
    import * as lockgate from "lockgate";
    const SETTINGS = ${JSON.stringify(bench.settings(more))};
    const OWN = { environment: {} };
    const ask = (text) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }] });
  `;
  const argv = [...flags, "--input-type=module", "--eval", head + script];
  const running = spawn(process.execPath, argv, { cwd: HERE, stdio: ["ignore", "pipe", "pipe"] });
  const told = { stdout: "", stderr: "" };
  for (const way of ["stdout", "stderr"]) running[way].on("data", (bytes) => (told[way] += bytes));
  const late = setTimeout(() => running.kill("SIGKILL"), 30_000);
  const ended = await once(running, "close");
  clearTimeout(late);
  assert.deepEqual(ended, [status, signal], told.stdout + told.stderr);
  assert.equal(told.stderr, "");
  return told.stdout.trim();
}

test("loading opens nothing and starts nothing", async () => {
  const script = `
    import { readdirSync, readFileSync, readlinkSync } from "node:fs";
    const target = (fd) => {
      try {
        return readlinkSync("/proc/self/fd/" + fd);
      } catch {
        return "";
      }
    };
    const sockets = () => readdirSync("/proc/self/fd").filter((fd) => target(fd).startsWith("socket:")).length;
    const called = (task) => readFileSync("/proc/self/task/" + task + "/comm", "utf8").trim();
    // Node's own come as it needs them: those that read files at the first read.
    const own = /^(node|libuv|V8|Delayed|Signal)/;
    const threads = () => readdirSync("/proc/self/task").map(called).filter((name) => !own.test(name));
    const look = () => ({ threads: threads(), sockets: sockets(), handles: process.getActiveResourcesInfo().length });
    const before = look();
    const { Gateway } = await import("lockgate");
    // What reading the files took is over after a turn.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const now = look();
    console.log(JSON.stringify([before, now]), typeof Gateway.create);
  `;
  const argv = ["--input-type=module", "--eval", script];
  const running = spawn(process.execPath, argv, { cwd: HERE, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  running.stdout.on("data", (bytes) => (text += bytes));
  assert.deepEqual(await once(running, "close"), [0, null]);
  const [before, now] = JSON.parse(text.slice(0, text.lastIndexOf("]") + 1));
  assert.equal(now.sockets, before.sockets);
  assert.equal(now.handles, before.handles);
  assert.deepEqual(now.threads, before.threads, "no thread either");
});

test("a process ends while a gateway is open, and not while an answer is awaited", async () => {
  await bench.script({ kind: "slow_headers", ms: 200 });
  const script = `
    const gateway = await lockgate.Gateway.create(SETTINGS, OWN);
    gateway.chat(ask("Hello")).then((answer) => console.log(answer.object));
  `;
  assert.equal(await child(script), "chat.completion");
});

const LEAVING = `
  const gateway = await lockgate.Gateway.create(SETTINGS, OWN);
  const kept = [];
  for (let number = 0; number < 3; number += 1) {
    const stream = await gateway.chatStream(ask("count to 50 " + number));
    await stream[Symbol.asyncIterator]().next();
    kept.push(stream);
  }
  const response = await gateway.fetch("http://lockgate/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...ask("count to 50 fetched"), stream: true }),
  });
  await response.body.getReader().read();
  process.stdout.write("end");
`;

for (const [name, end, expected] of [
  ["by itself", "", {}],
  ["by process.exit while a read waits", "kept[0][Symbol.asyncIterator]().next(); process.exit(7);", { status: 7 }],
  ["by process.exitCode", "process.exitCode = 3;", { status: 3 }],
]) {
  test(`leaving with streams open, ${name}`, async () => {
    await bench.script({ kind: "stall", after_events: 3, times: 4 });
    const store = SQLITE();
    assert.equal(await child(LEAVING + end, { store }, expected), "end");
    assert.deepEqual(
      (await bench.settled(4)).map(({ outcome }) => outcome),
      Array(4).fill("aborted"),
    );
    const gateway = await bench.create({ store });
    assert.ok((await atRest(gateway, 4)) > 0, "what was settled at the end is in the ledger");
  });
}

test("an uncaught error ends as it always does", async () => {
  await bench.script({ kind: "stall", after_events: 3, times: 4 });
  const script = `process.on("uncaughtException", () => process.exit(9));${LEAVING} throw new Error("enough");`;
  assert.equal(await child(script, {}, { status: 9 }), "end");
  assert.deepEqual(
    (await bench.settled(4)).map(({ outcome }) => outcome),
    Array(4).fill("aborted"),
  );
});

test("several gateways in one process, each with books of its own", async () => {
  const gateways = await Promise.all(Array.from({ length: 5 }, () => bench.create()));
  await Promise.all(gateways.flatMap((gateway, one) => [0, 1].map((two) => gateway.chat(ask(`${one} ${two}`)))));
  for (const gateway of gateways) await atRest(gateway, 2);
  const shared = { store: SQLITE(), shared: true, project: { monthly_cap: 0.001 } };
  const [first, second] = [await bench.create(shared), await bench.create(shared)];
  const request = (number) => ask(`Hello ${number}`, { max_tokens: 400 });
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => (n % 2 ? first : second).chat(request(n))));
  const answered = all.filter(({ status }) => status === "fulfilled").length;
  assert.ok(answered > 0 && answered < 40, `${answered} of 40`);
  for (const { reason } of all) assert.ok(reason === undefined || reason.code === "spend_cap_exceeded", reason);
  assert.equal(await second.flush(), true);
  assert.ok((await atRest(first, answered)) <= 1_000_000);
});

const WORKING = `
  import { parentPort, workerData } from "node:worker_threads";
  import { Gateway } from "lockgate";
  const { settings, calls, open } = workerData;
  const gateway = await Gateway.create(settings, { environment: {} });
  const ask = (text) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }] });
  const answers = await Promise.all(calls.map((text) => gateway.chat(ask(text))));
  for (const text of open) {
    const stream = await gateway.chatStream(ask(text));
    await stream[Symbol.asyncIterator]().next();
    globalThis.kept = stream;
  }
  parentPort.postMessage(answers.map((answer) => answer.choices[0].message.content.length));
  if (workerData.stay) setInterval(() => {}, 1000);
`;

/** A module that a worker runs from nowhere finds no package by its name. */
const WORKER = `data:text/javascript,${encodeURIComponent(
  WORKING.replace('"lockgate"', JSON.stringify(import.meta.resolve("lockgate"))),
)}`;

function working(settings, more = {}) {
  const data = { settings, calls: ["one", "two", "three"], open: [], stay: false, ...more };
  return new Worker(new URL(WORKER), { workerData: data });
}

test("worker threads, each with a gateway, on one store", async () => {
  const settings = bench.settings({ store: SQLITE(), shared: true });
  const workers = Array.from({ length: 4 }, (_, number) =>
    working(settings, { calls: [`a ${number}`, `b ${number}`] }),
  );
  const ends = await Promise.all(workers.map((worker) => once(worker, "exit")));
  assert.deepEqual(ends, Array(4).fill([0]));
  await atRest(await bench.create({ store: SQLITE(), shared: true }), 8);
});

test("a worker that is terminated settles what was open", async () => {
  await bench.script({ kind: "stall", after_events: 3, times: 2 });
  const store = SQLITE();
  const worker = working(bench.settings({ store }), { calls: [], open: ["count to 50", "count to 60"], stay: true });
  await once(worker, "message");
  assert.equal(await worker.terminate(), 1);
  assert.deepEqual(
    (await bench.settled(2)).map(({ outcome }) => outcome),
    ["aborted", "aborted"],
  );
  await atRest(await bench.create({ store }), 2);
});

test("workers come and go in a process that never loaded the package itself", async () => {
  const script = `
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    for (let number = 0; number < 5; number += 1) {
      const data = { settings: SETTINGS, calls: ["one " + number], open: ["count to 400"], stay: number % 2 === 1 };
      const worker = new Worker(new URL(WORKING), { workerData: data });
      await once(worker, "message");
      if (data.stay) await worker.terminate();
      else await once(worker, "exit");
    }
    console.log("fine");
  `;
  const head = `const SETTINGS = ${JSON.stringify(bench.settings())}; const WORKING = ${JSON.stringify(WORKER)};`;
  const running = spawn(process.execPath, ["--input-type=module", "--eval", head + script], { cwd: HERE });
  let told = "";
  for (const way of [running.stdout, running.stderr]) way.on("data", (bytes) => (told += bytes));
  assert.deepEqual(await once(running, "close"), [0, null], told);
  assert.equal(told.trim(), "fine");
});

test("a gateway that is lost lets go of what it holds", async () => {
  const store = SQLITE();
  await (async () => {
    const gateway = await Gateway.create(bench.settings({ store }), { environment: {} });
    await gateway.chat(ask("Hello"));
    await gateway.flush();
  })();
  // Only one gateway may own the file.
  const again = await eventually(async () => {
    globalThis.gc?.();
    return bench.create({ store }).catch((error) => {
      if (error.code !== "config_error") throw error;
    });
  });
  await atRest(again, 1);
});
