// LangChain.js under a spend cap, with a tool.
// Needs OPENAI_API_KEY, and `npm install @langchain/openai @langchain/core zod`.

import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { Gateway } from "lockgate";
import { z } from "zod";

const gateway = await Gateway.create({ store: "memory", project: { monthly_cap: 1 } });
const weather = tool(async ({ city }) => `It is sunny in ${city}.`, {
  name: "weather",
  description: "Tells the weather of a city.",
  schema: z.object({ city: z.string() }),
});
const model = new ChatOpenAI({
  model: "gpt-4o-mini",
  apiKey: "unused",
  configuration: { fetch: gateway.fetch },
}).bindTools([weather]);

const question = new HumanMessage("What is the weather in Paris?");
const answer = await model.invoke([question]);
const results = [];
for (const call of answer.tool_calls ?? []) {
  const said = /** @type {ToolMessage} */ (await weather.invoke(/** @type {any} */ (call)));
  console.log(`tool: ${said.content}`);
  results.push(said);
}
for await (const piece of await model.stream([question, answer, ...results])) process.stdout.write(piece.text);
await gateway.flush();
const [total] = await gateway.usage();
console.log(`\n${total?.requests} calls for $${((total?.cost ?? 0) / 1e9).toFixed(6)}`);
await gateway.close();
