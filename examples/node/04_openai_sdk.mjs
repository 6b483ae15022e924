// The OpenAI SDK as it is, with the gateway in place of the network. Needs OPENAI_API_KEY, and `npm install openai`.

import { Gateway } from "lockgate";
import OpenAI from "openai";

const gateway = await Gateway.create({ store: "memory", project: { monthly_cap: 20 } });
// A gateway key (lg_…) would do as apiKey; anything else is the default project and goes nowhere.
const client = new OpenAI({ apiKey: "unused", fetch: gateway.fetch });
const { data, response } = await client.chat.completions
  .create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello." }] })
  .withResponse();
console.log(data.choices[0]?.message.content);
console.log(response.headers.get("x-lockgate-provider"), response.headers.get("x-lockgate-cost-usd"));
await gateway.close();
