import Fastify from 'fastify';
import pg from 'pg';

import auth from './auth.js';
import tasks from './tasks.js';

const app = Fastify({ logger: true });

// Where PostgreSQL is comes from PGHOST, PGUSER and PGDATABASE.
app.decorate('pool', new pg.Pool({ max: 10 }));
app.addHook('onClose', () => app.pool.end());

app.get('/health', async () => ({ status: 'ok' }));
app.register(async (scope) => {
  await auth(scope);
  scope.register(tasks, { prefix: '/tasks' });
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
