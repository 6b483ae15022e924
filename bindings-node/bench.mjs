// Loading, exact hits and upstream calls beside the bare SDK and a bare fetch, on one simulator in one run.
//
// node --expose-gc bench.mjs [--calls 1000] [--rounds 5]        (`make bench-node`)
//
// Each round times every row, one after another. Shown is each row's best round: what other programs take from the
// machine is in all of them, in the best one least.

import { execFileSync, spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { Gateway } from "lockgate";
import OpenAI from "openai";

const { values } = parseArgs({
  options: { calls: { type: "string", default: "1000" }, rounds: { type: "string", default: "5" } },
});
const [CALLS, ROUNDS] = [Number(values.calls), Number(values.rounds)];
const HERE = fileURLToPath(new URL(".", import.meta.url));
const LOADS = 15;
const LOADING = `
  const begun = process.hrtime.bigint();
  const before = process.memoryUsage().rss;
  const { Gateway } = require("lockgate");
  const loaded = process.hrtime.bigint();
  const grown = process.memoryUsage().rss - before;
  Gateway.create({}, { environment: {} }).then((gateway) => {
    const started = process.hrtime.bigint();
    console.log(JSON.stringify([Number(loaded - begun) / 1e3, grown / 2 ** 20, Number(started - loaded) / 1e3]));
    return gateway.close();
  });
`;

const rows = new Map();

function note(name, times) {
  times.sort((a, b) => a - b);
  const seen = { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] };
  const best = rows.get(name);
  if (best === undefined || seen.p50 < best.p50) rows.set(name, seen);
}

async function time(name, calls, work) {
  for (let number = 1; number <= calls / 10; number += 1) await work(-number);
  globalThis.gc?.();
  const times = [];
  for (let number = 0; number < calls; number += 1) {
    const begun = process.hrtime.bigint();
    await work(number);
    times.push(Number(process.hrtime.bigint() - begun) / 1e3);
  }
  note(name, times);
}

const ask = (text) => ({ model: "gpt-4o-mini", messages: [{ role: "user", content: text }] });

function loads() {
  const seen = Array.from({ length: LOADS }, () =>
    JSON.parse(execFileSync(process.execPath, ["--eval", LOADING], { cwd: HERE })),
  );
  const column = (place) => seen.map((row) => row[place]);
  note("require lockgate", column(0));
  note("require lockgate: RSS in MiB", column(1));
  note("Gateway.create after it", column(2));
}

/** The simulator's own time: a bare socket that sends ready bytes and reads to the end of the answer. */
async function alone(url) {
  const { hostname, port, pathname } = new URL(url);
  const wire = connect({ host: hostname, port: Number(port), noDelay: true });
  let seen = Buffer.alloc(0);
  let whole = () => {};
  wire.on("data", (bytes) => {
    seen = Buffer.concat([seen, bytes]);
    const head = seen.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(seen.subarray(0, head).toString("latin1"))[1]);
    if (seen.length >= head + 4 + length) whole();
  });
  await time("the simulator alone (a socket)", CALLS, (number) => {
    const body = JSON.stringify(ask(`z ${number}`));
    seen = Buffer.alloc(0);
    const answered = new Promise((resolve) => (whole = resolve));
    wire.write(
      `POST ${pathname}/chat/completions HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-bench\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    return answered;
  });
  wire.destroy();
}

async function round(url, number) {
  const gateway = await Gateway.create(
    {
      store: "memory",
      providers: { openai: { api_key: "sk-bench", base_url: url } },
      project: { monthly_cap: 100_000 },
    },
    { environment: {} },
  );
  // Limits of the key and of the customer, beside the project's cap: everything is on, and nothing is refused.
  await gateway.customers.set("bench", { daily_cap: 100_000 });
  const { secret } = await gateway.keys.create({ requests_per_minute: 4e9, tokens_per_minute: 4e9 });
  const limits = { customer: "bench", key: secret };
  const hit = ask("the same again");
  await gateway.chat(hit, limits);
  await time("exact hit", CALLS * 5, () => gateway.chat(hit, limits));
  const headers = { authorization: `Bearer ${secret}`, "x-customer-id": "bench", "content-type": "application/json" };
  const fetched = (at, text) =>
    at(`${url}/chat/completions`, { method: "POST", headers, body: JSON.stringify(ask(text)) });
  await time("exact hit through fetch", CALLS, async () => (await fetched(gateway.fetch, "the same again")).json());
  await alone(url);
  await time("bare fetch", CALLS, async (n) => (await fetched(fetch, `a ${n}`)).json());
  await time("native call", CALLS, (n) => gateway.chat(ask(`d ${number} ${n}`), limits));
  await time("native stream", CALLS, async (n) => {
    for await (const chunk of gateway.chatStream(ask(`s ${number} ${n}`), limits)) void chunk;
  });
  const bare = new OpenAI({ apiKey: "sk-bench", baseURL: url });
  await time("bare openai SDK", CALLS, (n) => bare.chat.completions.create(ask(`b ${n}`)));
  const drop = new OpenAI({ apiKey: secret, fetch: gateway.fetch, defaultHeaders: { "x-customer-id": "bench" } });
  await time("openai SDK through lockgate", CALLS, (n) => drop.chat.completions.create(ask(`c ${number} ${n}`)));
  await gateway.close();
}

/** How late timers are while 64 streams come in, an event each 20 ms. */
async function streams({ openai: url, control }) {
  const gateway = await Gateway.create(
    { store: "memory", providers: { openai: { api_key: "sk-bench", base_url: url } } },
    { environment: {} },
  );
  const faults = [{ kind: "slow_events", ms: 20, times: 64 }];
  await fetch(`${control}/faults`, { method: "POST", body: JSON.stringify({ provider: "openai", faults }) });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await Promise.all(
    Array.from({ length: 64 }, async (_, number) => {
      for await (const chunk of gateway.chatStream(ask(`count to 60 (${number})`))) void chunk;
    }),
  );
  delay.disable();
  await gateway.close();
  // The timer itself waits a millisecond.
  const over = (nanoseconds) => (nanoseconds / 1e6 - 1).toFixed(1);
  const [p50, p99] = [50, 99].map((share) => over(delay.percentile(share)));
  return `event-loop delay under 64 streams, ms: p50 ${p50}, p99 ${p99}, most ${over(delay.max)}`;
}

function size() {
  const modules = path.join(HERE, "node_modules");
  const [platform] = readdirSync(path.join(modules, "@lockgate"));
  const bytes = (file) => statSync(file).size;
  const surface = readdirSync(path.join(modules, "lockgate"), { recursive: true })
    .map((name) => path.join(modules, "lockgate", name))
    .filter((file) => statSync(file).isFile())
    .reduce((sum, file) => sum + bytes(file), 0);
  const module = bytes(path.join(modules, "@lockgate", platform, "lockgate.node"));
  const [native, script] = [(module / 1e6).toFixed(1), (surface / 1e3).toFixed(0)];
  return `installed: ${native} MB native module (${platform}), ${script} kB JavaScript and types`;
}

function show() {
  const simulator = rows.get("the simulator alone (a socket)").p50;
  const machine = `${availableParallelism()} cores, Node ${process.version}`;
  console.log(`${machine}, best of ${ROUNDS} rounds of ${CALLS} calls; limits, caps and cache on`);
  console.log(size());
  const line = (name, ...cells) => [name.padEnd(34), ...cells.map((cell) => cell.padStart(13))].join(" ").trimEnd();
  console.log(line("", "p50 µs", "p99 µs", "over the sim"));
  for (const [name, { p50, p99 }] of rows) {
    const upstream = !/^(require|Gateway|exact)/.test(name);
    console.log(line(name, p50.toFixed(1), p99.toFixed(1), upstream ? (p50 - simulator).toFixed(1) : ""));
  }
}

loads();
const binary = path.join(process.env.LOCKGATE_BIN_DIR, "lockgate-sim");
const simulator = spawn(binary, ["--listen", "127.0.0.1:0", "--json", "--exit-with-parent"], {
  stdio: ["pipe", "pipe", "inherit"],
});
try {
  const { value } = await createInterface({ input: simulator.stdout })[Symbol.asyncIterator]().next();
  const urls = JSON.parse(value);
  for (let number = 0; number < ROUNDS; number += 1) await round(urls.openai, number);
  show();
  console.log(await streams(urls));
} finally {
  simulator.kill();
}
