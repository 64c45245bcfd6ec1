"""The parameters that statements share, with their types."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Text, Uuid, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

USER_ID = bindparam("user_id", type_=Text)
TASK_ID = bindparam("id", type_=Uuid)
TEXT = bindparam("text", type_=Text)
FOLDED = bindparam("folded", type_=Text)
COMPLETED = bindparam("completed", type_=Boolean)
ORDER = bindparam("order", type_=BigInteger)
FLIP = bindparam("flip", type_=Boolean)
EPOCH = bindparam("epoch", type_=Text)
FINGERPRINT = bindparam("fingerprint", type_=LargeBinary)
MOST_TASKS = bindparam("most_tasks", type_=Integer)
# Tags of which one must be the current one; NULL where the client named none.
MATCH = bindparam("match", type_=ARRAY(Text))
# Tags that the client has already; NULL where it named none.
