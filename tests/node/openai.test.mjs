// The official openai package, unmodified, against `lockgate serve`.

import { Lockgate } from "./lockgate.mjs";
import { suite } from "./openai.suite.mjs";

suite(() => Lockgate.start());
