// One question, one answer, what it cost. Needs OPENAI_API_KEY.

import { Gateway } from "lockgate";

const gateway = await Gateway.create();
const answer = await gateway.chat({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }] });
console.log(answer.choices[0]?.message.content);
console.log(`${answer.lockgate.provider} took ${answer.lockgate.latency_ms} ms and $${answer.lockgate.cost_usd}`);
await gateway.close();
