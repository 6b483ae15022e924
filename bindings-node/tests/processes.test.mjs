// Node, a server and Python on one store, each process with a gateway of its own: they hold one cap together.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import OpenAI from "openai";

import * as behaviour from "../../tests/node/behaviour.mjs";
import { serve } from "../../tests/node/lockgate.mjs";
import { ROOT, ask, atRest, eventually, workbench } from "./support.mjs";

const bench = workbench();
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Racers in all, in five parts: two processes of Node, one of Python, one server, and this process. */
const RACERS = 300;
const CAP = 0.004;
const REQUEST = { model: "gpt-4o-mini", max_tokens: 400 };

/** The stores of the behaviour cases that several processes can share. */
const SHARED = behaviour.stores().filter(({ settings }) => settings.shared || settings.redis);

const places = [];
// After the gateways of the bench are closed.
afterEach(() => places.splice(0).forEach((place) => place.end()));

const NODE = `
  import { Gateway } from "lockgate";
  const { settings, request, racers, name } = JSON.parse(process.argv[1]);
  const gateway = await Gateway.create(settings, { environment: {} });
  process.stdout.write("ready\\n");
  await new Promise((resolve) => process.stdin.once("data", resolve));
  const ask = (n) => gateway.chat({ ...request, messages: [{ role: "user", content: name + n }] });
  const status = (answer) => answer.then(() => 200, (error) => error.status);
  const seen = await Promise.all(Array.from({ length: racers }, (_, n) => status(ask(n))));
  await gateway.close();
  console.log(JSON.stringify(seen));
  process.stdin.destroy();
`;

const PYTHON = `
import json, sys
from concurrent.futures import ThreadPoolExecutor
import lockgate
given = json.loads(sys.argv[1])
gateway = lockgate.Gateway(given["settings"], environment={})
print("ready", flush=True)
sys.stdin.readline()
def ask(number):
    messages = [{"role": "user", "content": given["name"] + str(number)}]
    try:
        gateway.chat({**given["request"], "messages": messages})
        return 200
    except lockgate.Error as error:
        return error.status
with ThreadPoolExecutor(given["racers"]) as pool:
    seen = list(pool.map(ask, range(given["racers"])))
gateway.close()
print(json.dumps(seen))
`;

/** A process that says when it is ready, and then waits for the start. */
class Racer {
  constructor(program, argv, given) {
    this.process = spawn(program, [...argv, JSON.stringify(given)], { cwd: HERE, stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.ended = once(this.process, "close");
  }

  async ready() {
    assert.equal((await this.lines.next()).value, "ready");
  }

  async run() {
    this.process.stdin.write("go\n");
    const { value } = await this.lines.next();
    assert.deepEqual(await this.ended, [0, null]);
    return JSON.parse(value);
  }
}

assert.ok(SHARED.some(({ settings }) => settings.redis));
for (const shared of SHARED) {
  test(`Python, Node and server processes hold one cap on ${shared.name}`, async () => {
    const python = process.env.LOCKGATE_TEST_PYTHON;
    assert.ok(python, "LOCKGATE_TEST_PYTHON is not set: tests/run names a Python that has the package");
    const place = behaviour.place(shared, bench.folder);
    places.push(place);
    const store = place.settings;
    const settings = bench.settings({ ...store, project: { monthly_cap: CAP } });
    const gateway = await bench.create({ ...store, project: { monthly_cap: CAP } });
    const { secret } = await gateway.keys.create();
    const racers = RACERS / 5;
    const given = (one) => ({ settings, request: REQUEST, racers, name: one });
    const node = ["--input-type=module", "--eval", NODE];
    const others = [
      new Racer(process.execPath, node, given("first")),
      new Racer(process.execPath, node, given("second")),
      new Racer(python, ["-c", PYTHON], given("python")),
    ];
    const server = await serve(bench.simulator, bench.folder, store);
    try {
      await Promise.all(others.map((racer) => racer.ready()));
      const sdk = new OpenAI({ apiKey: secret, baseURL: server.announcement.base_url, maxRetries: 0 });
      const request = (text) => ({ ...REQUEST, messages: ask(text).messages });
      const status = (promise) =>
        promise.then(
          () => 200,
          (error) => error.status,
        );
      const own = (text) => status(gateway.chat(request(text)));
      const served = (text) => status(sdk.chat.completions.create(request(text)));
      const here = Array.from({ length: racers }, (_, number) => [own(`own ${number}`), served(`served ${number}`)]);
      const seen = (await Promise.all([...others.map((racer) => racer.run()), Promise.all(here.flat())])).flat();
      assert.equal(seen.length, RACERS);
      const answered = seen.filter((one) => one === 200).length;
      assert.deepEqual(new Set(seen), new Set([200, 402]), JSON.stringify(seen));
      // What was answered is settled; nothing of the cap is held any more, and not a nano-dollar too much was spent.
      await eventually(async () => (await gateway.usage())[0].requests === answered);
      const spent = await atRest(gateway, answered);
      assert.ok(spent > 0 && spent <= CAP * 1e9, `${spent} of ${CAP * 1e9}`);
      assert.equal((await bench.requests()).length, answered);
    } finally {
      for (const { process: other } of others) other.kill("SIGKILL");
      await server.stop();
    }
  });
}
