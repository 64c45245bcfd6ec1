import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session, create_engine

# FastAPI runs sync endpoints in up to 40 threads: none of them waits for a connection.
engine = create_engine(os.environ["DATABASE_URL"], pool_size=40, max_overflow=0)


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
