"""What every section of an inventory has in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, and refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
