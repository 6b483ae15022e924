// A hard daily cap for each customer, kept in a file. Needs OPENAI_API_KEY.

import { Gateway, LockgateError } from "lockgate";

const gateway = await Gateway.create({ store: "sqlite://lockgate.db" });
await gateway.customers.set("free-tier", { daily_cap: "0.001" });
for (let number = 1; number < 100; number += 1) {
  const messages = [{ role: "user", content: `Question ${number}` }];
  try {
    await gateway.chat({ model: "gpt-4o-mini", messages, max_tokens: 200 }, { customer: "free-tier" });
  } catch (error) {
    if (!LockgateError.isInstance(error) || error.code !== "customer_spend_exceeded") throw error;
    console.log(`question ${number} refused: ${error.message} Come back in ${error.retryAfter} s.`);
    break;
  }
}
await gateway.flush();
const [spent] = await gateway.usage({ customer: "free-tier" });
if (spent) console.log(`${spent.requests} answered for $${(spent.cost / 1e9).toFixed(6)}`);
await gateway.close();
