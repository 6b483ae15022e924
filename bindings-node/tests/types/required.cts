// The types of `require`, which are those of `import`.

import lockgate = require("lockgate");

async function main(): Promise<void> {
  const gateway: lockgate.Gateway = await lockgate.Gateway.create({ store: "memory" });
  const answer: lockgate.ChatCompletion = await gateway.chat({ model: "gpt-4o-mini", messages: [] });
  const cost: number | null = answer.lockgate.cost_usd;
  void cost;
  // @ts-expect-error no such export
  void lockgate.Nothing;
}

void main();
