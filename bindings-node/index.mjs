// For `import`: the very same classes as for `require`.
export { Gateway, LockgateError, version } from "./lib/index.js";
