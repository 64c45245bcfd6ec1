// The live events of Taskwell, read with fetch: EventSource can't send a token.

/** Calls `hear` with the cursor of each event until the stream ends. The first comes at once. */
export async function follow(request, signal, hear) {
  const response = await request("/events", { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const id = /^id: ?(.*)$/m.exec(event)?.[1];
      if (id) hear(id);
    }
  }
}
