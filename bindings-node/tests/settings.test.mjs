// Where settings come from, and what is refused at the start.

import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { Gateway } from "lockgate";

import { ask, refusal, settingsFor, workbench } from "./support.mjs";

const bench = workbench();

test("the order of layers", async () => {
  const file = path.join(bench.folder, "gateway.toml");
  await writeFile(
    file,
    '[providers.openai]\napi_key = "sk-file"\nbase_url = "http://127.0.0.1:1/v1"\n[project]\nrequire_customer = true\n',
  );
  const environment = {
    OPENAI_API_KEY: "sk-environment",
    OPENAI_BASE_URL: "http://127.0.0.1:2/v1",
    NOT_SET: undefined,
  };
  const settings = { providers: { openai: { base_url: bench.simulator.urls.openai } } };
  for (const config of [file, pathToFileURL(file)]) {
    const gateway = await Gateway.create(config, { environment, settings });
    await refusal(gateway.chat(ask("Hello")), "invalid_request");
    await gateway.chat(ask("Hello"), { customer: "c" });
    await gateway.close();
  }
  for (const { headers } of await bench.requests()) assert.equal(headers.authorization, "Bearer sk-environment");
});

test("explicit settings are laid over others", async () => {
  const under = bench.settings({ project: { monthly_cap: "1", require_customer: true } });
  const gateway = await bench.create(under, { settings: { project: { require_customer: false } } });
  const { settings } = await gateway.projects.get();
  assert.deepEqual([settings.monthly_cap, settings.require_customer], ["1", false]);
  assert.equal(under.project.require_customer, true, "the caller's object stays as it was");
});

test("the process's environment is the default", async () => {
  process.env.OPENAI_API_KEY = "sk-of-the-process";
  process.env.OPENAI_BASE_URL = bench.simulator.urls.openai;
  try {
    const gateway = await Gateway.create();
    await gateway.chat(ask("Hello"));
    await gateway.close();
  } finally {
    delete process.env.OPENAI_API_KEY;
    delete process.env.OPENAI_BASE_URL;
  }
  assert.equal((await bench.requests())[0].headers.authorization, "Bearer sk-of-the-process");
});

test("nothing is looked for on disk and nothing left there", async () => {
  const before = process.cwd();
  await writeFile(path.join(bench.folder, "lockgate.toml"), "this = is not what a library reads");
  process.chdir(bench.folder);
  try {
    const gateway = await Gateway.create({ ...settingsFor(bench.simulator), store: undefined }, { environment: {} });
    await gateway.chat(ask("Hello"));
    await gateway.close();
  } finally {
    process.chdir(before);
  }
  assert.deepEqual(await readdir(bench.folder), ["lockgate.toml"]);
});

class Own {
  store = "memory";
}

for (const [settings, named] of [
  [{ project: { monthly_cap: "1" } }, ["spend cap", "store"]],
  [{ store: "postgres//x" }, ["store", "postgres//x"]],
  [{ store: "memory", project: { monthly_cap: "much" } }, ["project.monthly_cap", "much"]],
  [{ store: "memory", no_such_setting: 1 }, ["no_such_setting"]],
  [{ store: "memory", timeouts: { connect_ms: "soon" } }, ["timeouts.connect_ms", "soon"]],
  [{ store: () => "memory" }, ["store", "function"]],
  [{ store: "memory", timeouts: { connect_ms: Number.NaN } }, ["timeouts.connect_ms", "NaN"]],
  [{ store: "memory", cache_bytes: 1n }, ["cache_bytes", "bigint"]],
  [{ store: "memory", project: { models: ["a", Symbol("b")] } }, ["project.models[1]", "symbol"]],
  [{ store: "memory", project: new Own() }, ["project", "Own"]],
]) {
  test(`a wrong setting is named: ${named.join(", ")}`, async () => {
    const error = await refusal(Gateway.create(settings, { environment: {} }), "config_error");
    assert.equal(error.status, 500);
    for (const word of named) assert.ok(error.message.includes(word), error.message);
  });
}

test("a file that is not there", async () => {
  assert.match((await refusal(Gateway.create("nowhere.toml"), "config_error")).message, /nowhere\.toml/);
});

test("settings of a project", async () => {
  const { gateway } = bench;
  await gateway.projects.create("team-a", { provider_keys: { openai: "sk-of-the-project" }, monthly_cap: 5 });
  const changed = await gateway.projects.set("team-a", {
    chains: { "gpt-4o-mini": ["gpt-4o"] },
    substitute: "never",
    cache: { enabled: false },
  });
  assert.equal(changed.settings.monthly_cap, "5");
  assert.deepEqual([changed.settings.substitute, changed.settings.cache.enabled], ["never", false]);
  assert.ok(!JSON.stringify(changed).includes("sk-of"));
  const { secret } = await gateway.keys.create({ project: "team-a" });
  await gateway.chat(ask("Hello"), { key: secret });
  assert.equal((await bench.requests())[0].headers.authorization, "Bearer sk-of-the-project");
});
