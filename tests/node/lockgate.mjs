// Starts the programs under test for one test file and ends them for sure.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const BINARIES = process.env.LOCKGATE_BIN_DIR ?? path.join(ROOT, "target", "debug");
const READY_MS = 30_000;
const STOP_MS = 15_000;
const run = promisify(execFile);

for (const name of Object.keys(process.env)) {
  if (/^(OPENAI_|ANTHROPIC_|(HTTPS?|ALL)_PROXY$)/i.test(name)) delete process.env[name];
}

function environment(folder, extra = {}) {
  return { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, RUST_BACKTRACE: "1", ...extra };
}

/** A child that announces itself with one JSON line on stdout. */
class Program {
  static async start(name, argv, { folder, env }) {
    const child = spawn(path.join(BINARIES, name), argv, { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
    const program = new Program(name, child);
    try {
      program.announcement = JSON.parse(await program.#firstLine());
    } catch (error) {
      await program.kill();
      throw new Error(`${name} did not start: ${error.message}\n${program.log}`);
    }
    return program;
  }

  constructor(name, child) {
    this.name = name;
    this.child = child;
    this.log = "";
    child.stderr.on("data", (bytes) => (this.log = (this.log + bytes).slice(-20_000)));
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve({ error }));
      child.once("close", (status, signal) => resolve({ status, signal }));
    });
  }

  async #firstLine() {
    const lines = createInterface({ input: this.child.stdout });
    const late = AbortSignal.timeout(READY_MS);
    return new Promise((resolve, reject) => {
      lines.once("line", resolve);
      late.addEventListener("abort", () => reject(new Error(`nothing said within ${READY_MS} ms`)));
      this.ended.then((end) => reject(end.error ?? new Error(`ended with ${JSON.stringify(end)}`)));
    });
  }

  async stop() {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), STOP_MS);
    const end = await this.ended;
    clearTimeout(timer);
    assert.deepEqual(end, { status: 0, signal: null }, `${this.name} ended badly\n${this.log}`);
  }

  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** The simulated vendors, in a folder of their own. */
export class Simulator {
  static async start() {
    const started = new this();
    started.folder = await mkdtemp(path.join(tmpdir(), "lockgate-node-"));
    try {
      await started.launch();
    } catch (error) {
      await started.#end((program) => program.kill());
      throw error;
    }
    return started;
  }

  async launch() {
    this.simulator = await Program.start(
      "lockgate-sim",
      ["--listen", "127.0.0.1:0", "--json", "--exit-with-parent"],
      { folder: this.folder, env: environment(this.folder) },
    );
    this.urls = this.simulator.announcement;
  }

  async #end(how) {
    const programs = [this.server, this.simulator].filter(Boolean);
    const ends = await Promise.allSettled(programs.map(how));
    await rm(this.folder, { recursive: true, force: true });
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  stop() {
    return this.#end((program) => program.stop());
  }

  async #controlled(method, where, body) {
    const answer = await fetch(this.urls.control + where, { method, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${method} ${where}: ${text}`);
    return JSON.parse(text);
  }

  /** Queues what meets the next requests to a vendor. */
  scriptFor(provider, ...faults) {
    return this.#controlled("POST", "/faults", { provider, faults });
  }

  /** Forgets scripts and requests. */
  reset() {
    return this.#controlled("POST", "/reset");
  }

  /** What arrived at a path so far. */
  async requests(where = "/v1/chat/completions") {
    const { requests } = await this.#controlled("GET", "/requests");
    return requests.filter((request) => request.path === where);
  }

  /** Waits until `count` requests arrived at any path. */
  async arrived(count) {
    const late = AbortSignal.timeout(10_000);
    for (;;) {
      const { requests } = await this.#controlled("GET", "/requests");
      if (requests.length >= count) return;
      assert.ok(!late.aborted, `expected ${count} requests: ${JSON.stringify(requests)}`);
    }
  }

  /** Waits until `count` requests arrived and have ended. */
  async settled(count) {
    const seen = await this.#controlled("GET", `/requests?settled=${count}&timeout_ms=10000`);
    assert.ok(seen.settled, `expected ${count} ended requests: ${JSON.stringify(seen.requests)}`);
    return seen.requests;
  }
}

/** `lockgate serve` in front of a simulator, with these settings. */
export async function serve(simulator, folder, settings) {
  const file = path.join(folder, "serve.toml");
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
  await writeFile(file, lines.join(""));
  const env = environment(folder, {
    OPENAI_API_KEY: "sk-upstream-of-the-tests",
    OPENAI_BASE_URL: simulator.urls.openai,
  });
  return Program.start("lockgate", ["serve", "--listen", "127.0.0.1:0", "--config", file, "--json"], { folder, env });
}

/** The simulator and a gateway in front of it, on a store of their own. */
export class Lockgate extends Simulator {
  async launch() {
    await super.launch();
    const folder = this.folder;
    this.store = `sqlite://${path.join(folder, "lockgate.db")}`;
    this.env = environment(folder);
    this.server = await serve(this, folder, { store: this.store });
    this.baseURL = this.server.announcement.base_url;
    this.reached = { baseURL: this.baseURL };
  }

  /** Runs `lockgate …words --store … --json` and returns what it printed. */
  async cli(...words) {
    const { stdout } = await run(path.join(BINARIES, "lockgate"), [...words, "--store", this.store, "--json"], {
      cwd: this.folder,
      env: this.env,
      timeout: 30_000,
    });
    return JSON.parse(stdout);
  }

  /** A gateway key: `{ id, key }`. */
  createKey(...options) {
    return this.cli("key", "create", ...options);
  }

  /** Queues what meets the next requests upstream. */
  script(...faults) {
    return this.scriptFor("openai", ...faults);
  }
}
