// The behaviour cases of every language, through Node's own calls and through the drop-in fetch, on every store.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { LockgateError } from "lockgate";

import * as behaviour from "../../tests/node/behaviour.mjs";
import { workbench } from "./support.mjs";

const bench = workbench();
const places = [];
// After the gateways of the bench are closed.
afterEach(() => places.splice(0).forEach((place) => place.end()));

const WAYS = {
  async natively(gateway, call, own) {
    const { stream, ...request } = call.request;
    const options = { ...call.options, key: behaviour.key(call, own) };
    try {
      if (!stream) return { status: 200, answer: await gateway.chat(request, options) };
      const chunks = [];
      for await (const chunk of gateway.chatStream(request, options)) chunks.push(chunk);
      return { status: 200, answer: behaviour.together(chunks) };
    } catch (error) {
      if (!LockgateError.isInstance(error)) throw error;
      const retry_after = error.retryAfter === undefined ? "none" : "known";
      return { status: error.status, code: error.code, retry_after };
    }
  },
  async "over fetch"(gateway, call, own) {
    const headers = { "content-type": "application/json", ...behaviour.headers(call, own) };
    const body = JSON.stringify(call.request);
    const answer = await gateway.fetch("http://lockgate/v1/chat/completions", { method: "POST", headers, body });
    return behaviour.overHTTP(answer.status, answer.headers, await answer.text());
  },
};

for (const [way, ask] of Object.entries(WAYS)) {
  for (const store of behaviour.stores()) {
    for (const each of behaviour.cases()) {
      test(`${each.name}, ${way}, on ${store.name}`, async () => {
        await bench.script(...each.upstream);
        const place = behaviour.place(store, bench.folder);
        places.push(place);
        const gateway = await bench.create({ ...place.settings, project: each.project ?? {} });
        for (const [customer, limits] of Object.entries(each.customers ?? {}))
          await gateway.customers.set(customer, limits);
        const own = each.key && (await gateway.keys.create(each.key)).secret;
        let cost = 0;
        for (const call of each.calls) cost += behaviour.judge(await ask(gateway, call, own), call.expect);
        assert.equal(await gateway.flush(), true);
        assert.equal((await gateway.inspect()).open, 0);
        const lines = await gateway.usage();
        assert.equal(
          lines.reduce((sum, line) => sum + line.cost, 0),
          cost,
        );
        behaviour.judgeUpstream(await bench.requests(), each);
      });
    }
  }
}
