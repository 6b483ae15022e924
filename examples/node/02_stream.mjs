// An answer as it comes. Leaving the loop cancels the request. Needs OPENAI_API_KEY.

import { Gateway } from "lockgate";

const gateway = await Gateway.create();
const messages = [{ role: "user", content: "count to 20" }];
const stream = await gateway.chatStream({ model: "gpt-4o-mini", messages });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
console.log(`\n$${stream.lockgate.cost_usd}`);

// Ten seconds for this one, and no more than it takes to see the first word.
const signal = AbortSignal.timeout(10_000);
for await (const chunk of gateway.chatStream({ model: "gpt-4o-mini", messages, stop: ["7"] }, { signal })) {
  const text = chunk.choices[0]?.delta.content;
  if (!text) continue;
  console.log(`first: ${text}`);
  break;
}
await gateway.close();
