// OpenAI's own SDK for Node against `lockgate serve`: only the address and the key change. Needs `npm install openai`.
//
// LOCKGATE_KEY=lg_… node examples/http/05_openai_sdk.mjs

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.LOCKGATE_URL ?? "http://127.0.0.1:4100/v1",
  apiKey: process.env.LOCKGATE_KEY,
});

const answer = await client.chat.completions.create({
  model: "gpt-4.1-nano",
  messages: [{ role: "user", content: "Say hello in five languages." }],
});
console.log(answer.choices[0].message.content);
console.log("cost in USD:", answer.lockgate.cost_usd, "cache:", answer.lockgate.cache);

const stream = await client.chat.completions.create({
  model: "gpt-4.1-nano",
  messages: [{ role: "user", content: "count to 20" }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0].delta.content ?? "");
console.log();
