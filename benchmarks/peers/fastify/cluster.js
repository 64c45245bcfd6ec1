import cluster from 'node:cluster';

const workers = Number(process.env.WORKERS ?? 1);

if (cluster.isPrimary) {
  let stopping = false;
  for (let i = 0; i < workers; i += 1) cluster.fork();
  cluster.on('exit', () => {
    if (!stopping) cluster.fork();
  });
  process.on('SIGTERM', () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.kill();
  });
} else {
  await import('./server.js');
}
