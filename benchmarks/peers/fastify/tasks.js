const ORDER_STEP = 1024;
const COLUMNS = 'id, user_id, text, completed, "order", created_at, updated_at, completed_at';

const task = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    user_id: { type: 'string' },
    text: { type: 'string' },
    completed: { type: 'boolean' },
    order: { type: 'integer' },
    created_at: { type: 'string', format: 'date-time' },
    updated_at: { type: 'string', format: 'date-time' },
    completed_at: { type: 'string', format: 'date-time', nullable: true },
  },
};
const params = {
  type: 'object',
  properties: { id: { type: 'string', format: 'uuid' } },
};
const querystring = {
  type: 'object',
  properties: {
    offset: { type: 'integer', minimum: 0, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 100 },
  },
};
const body = {
  type: 'object',
  required: ['text'],
  additionalProperties: false,
  properties: {
    text: { type: 'string', minLength: 1, maxLength: 500 },
    completed: { type: 'boolean', default: false },
  },
};

// A name makes node-postgres prepare the statement, once for each connection.
const LIST = {
  name: 'list',
  text: `SELECT ${COLUMNS} FROM task WHERE user_id = $1 ORDER BY "order" LIMIT $2 OFFSET $3`,
};
const READ = { name: 'read', text: `SELECT ${COLUMNS} FROM task WHERE id = $1 AND user_id = $2` };
const CREATE = {
  name: 'create',
  text: `
    INSERT INTO task (user_id, text, completed, "order", completed_at)
    SELECT $1, $2, $3, coalesce(max("order"), 0) + ${ORDER_STEP}, CASE WHEN $3 THEN now() END
    FROM task WHERE user_id = $1
    RETURNING ${COLUMNS}`,
};
const TOGGLE = {
  name: 'toggle',
  text: `
    UPDATE task
    SET completed = NOT completed, updated_at = now(),
        completed_at = CASE WHEN completed THEN NULL ELSE now() END
    WHERE id = $1 AND user_id = $2
    RETURNING ${COLUMNS}`,
};

export default async function tasks(scope) {
  const { pool } = scope;

  const one = async (query, values, reply) => {
    const { rows } = await pool.query({ ...query, values });
    if (rows.length === 0) return reply.callNotFound();
    return rows[0];
  };

  scope.get(
    '/',
    { schema: { querystring, response: { 200: { type: 'array', items: task } } } },
    async ({ user, query }) => {
      const values = [user.sub, query.limit, query.offset];
      return (await pool.query({ ...LIST, values })).rows;
    },
  );

  scope.get('/:id', { schema: { params, response: { 200: task } } }, ({ user, params }, reply) =>
    one(READ, [params.id, user.sub], reply),
  );

  scope.post('/', { schema: { body, response: { 201: task } } }, ({ user, body }, reply) => {
    reply.code(201);
    return one(CREATE, [user.sub, body.text, body.completed], reply);
  });

  scope.patch(
    '/:id/toggle',
    { schema: { params, response: { 200: task } } },
    ({ user, params }, reply) => one(TOGGLE, [params.id, user.sub], reply),
  );
}
