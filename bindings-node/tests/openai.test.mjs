// The official openai package once more: the suite of tests/node, through the drop-in fetch instead of a server. Only
// the way to the gateway differs.

import assert from "node:assert/strict";
import path from "node:path";

import { Gateway } from "lockgate";

import { Simulator } from "../../tests/node/lockgate.mjs";
import { suite } from "../../tests/node/openai.suite.mjs";

/** `--monthly-cap 1 --concurrency 2` as a key's limits. */
function named(options) {
  const given = {};
  for (let at = 0; at < options.length; at += 2) {
    const value = options[at + 1];
    assert.ok(options[at].startsWith("--") && value !== undefined, options.join(" "));
    const name = options[at].slice(2).replaceAll("-", "_");
    given[name] = name.endsWith("_cap") ? value : Number(value);
  }
  return given;
}

/** A gateway in this process, administered with the command line's words. */
class Embedded extends Simulator {
  async launch() {
    await super.launch();
    const openai = { api_key: "sk-upstream-of-the-tests", base_url: this.urls.openai };
    const store = `sqlite://${path.join(this.folder, "lockgate.db")}`;
    this.gateway = await Gateway.create({ store, auth: "required", providers: { openai } }, { environment: {} });
    this.reached = { fetch: this.gateway.fetch };
  }

  async createKey(...options) {
    const { id, secret } = await this.gateway.keys.create(named(options));
    return { id, key: secret };
  }

  script(...faults) {
    return this.scriptFor("openai", ...faults);
  }

  async stop() {
    assert.equal((await this.gateway.inspect()).open, 0);
    assert.equal(await this.gateway.close(), true);
    await super.stop();
  }
}

suite(() => Embedded.start());
