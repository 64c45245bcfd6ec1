// The client of Taskwell's API: everything that a page needs, with no library at all.

export class Problem extends Error {
  constructor(status, { code, title, detail, errors } = {}) {
    super(errors?.[0]?.message ?? detail ?? title ?? `Taskwell answered ${status}.`);
    this.status = status;
    this.code = code;
  }
}

export function createTaskwell(url, fetchToken) {
  // Kept in memory only, and as a promise: calls that run at once share one renewal.
  let token = null;
  function currentToken() {
    if (token === null) {
      const fetched = fetchToken();
      token = fetched;
      fetched.catch(() => forget(fetched));
    }
    return token;
  }
  function forget(old) {
    if (token === old) token = null;
  }

  async function send(bearer, method, path, body) {
    try {
      return await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(body && { "content-type": "application/json" }),
        },
        body: body && JSON.stringify(body),
      });
    } catch {
      throw new Problem(0, { title: `Taskwell can't be reached at ${url}.` });
    }
  }

  async function call(method, path, body) {
    const used = currentToken();
    let response = await send(await used, method, path, body);
    if (response.status === 401) {
      // Expired, or its key is gone. A new token and one repetition; nothing was done yet.
      forget(used);
      response = await send(await currentToken(), method, path, body);
    }
    if (!response.ok) throw new Problem(response.status, await problemIn(response));
    return response;
  }
  const callForJson = async (...request) => (await call(...request)).json();

  async function list() {
    const tasks = [];
    for (let path = "/tasks"; path; ) {
      const response = await call("GET", path);
      tasks.push(...(await response.json()));
      path = /<([^>]+)>; rel="next"/.exec(response.headers.get("link"))?.[1];
    }
    return tasks;
  }

  async function remove(id) {
    try {
      await call("DELETE", `/tasks/${id}`);
    } catch (error) {
      // Gone already: by another page, or by a delete whose answer was lost.
      if (error.code !== "task-not-found") throw error;
    }
  }

  return {
    list,
    // Under the same id a repeated create makes no second task: keep it until one has succeeded.
    add: (id, text) => callForJson("POST", "/tasks", { id, text }),
    complete: (id, completed) => callForJson("PATCH", `/tasks/${id}/complete`, { completed }),
    remove,
    forgetToken: () => forget(token),
  };
}

async function problemIn(response) {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  return isProblem ? response.json() : undefined;
}
