migrate(
  (app) => {
    const users = app.findCollectionByNameOrId('users');
    const owner = 'user = @request.auth.id';
    const tasks = new Collection({
      type: 'base',
      name: 'tasks',
      listRule: owner,
      viewRule: owner,
      createRule: owner,
      // Nor may a task be given to somebody else.
      updateRule: `${owner} && @request.body.user:isset = false`,
      deleteRule: owner,
      fields: [
        {
          type: 'relation',
          name: 'user',
          required: true,
          maxSelect: 1,
          collectionId: users.id,
          cascadeDelete: true,
        },
        { type: 'text', name: 'text', required: true, max: 500 },
        { type: 'bool', name: 'completed' },
        { type: 'number', name: 'order', onlyInt: true },
        { type: 'date', name: 'completed_at' },
        { type: 'autodate', name: 'created', onCreate: true },
        { type: 'autodate', name: 'updated', onCreate: true, onUpdate: true },
      ],
      indexes: ['CREATE INDEX `idx_tasks_user_order` ON `tasks` (`user`, `order`)'],
    });
    app.save(tasks);

    const settings = app.settings();
    settings.batch.enabled = true;
    settings.batch.maxRequests = 50;
    app.save(settings);
  },
  (app) => {
    app.delete(app.findCollectionByNameOrId('tasks'));
  },
);
