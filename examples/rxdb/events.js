// The live events of Taskwell, read with fetch: EventSource can't send a token.

// Taskwell says something every 15 seconds. Who hears nothing for so long has slept, or moved.
const PATIENCE_MILLISECONDS = 40_000;

/** Calls `hear` with the cursor of each event until the stream ends. The first comes at once. */
export async function follow(request, signal, hear, patience = PATIENCE_MILLISECONDS) {
  const silence = new AbortController();
  const giveUp = () => silence.abort(new Error("Taskwell: the stream of events fell silent"));
  let timer = setTimeout(giveUp, patience);
  try {
    const response = await request("/events", { signal: AbortSignal.any([signal, silence.signal]) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(giveUp, patience);
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const id = /^id: ?(.*)$/m.exec(event)?.[1];
        if (id) hear(id);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
