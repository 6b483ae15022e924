// Others' turn on the event loop. Promises that are fulfilled at once follow one another without ever giving timers and
// sockets theirs; who reads only what is there already would have the loop to himself.

/** So many results in a row may come at once. */
const MOST = 64;
/** A result that is many pieces counts for so many. */
export const PIECES = 32;

let atOnce = 0;
let counting = false;

/** Whether a result that counts for so many may be handed on before others had their turn. */
export function mayGoOn(results: number): boolean {
  if (!counting) {
    counting = true;
    setImmediate(() => {
      counting = false;
      atOnce = 0;
    });
  }
  atOnce += results;
  return atOnce < MOST;
}

/** Lets timers and sockets have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
