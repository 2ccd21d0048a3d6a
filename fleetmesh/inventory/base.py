"""What every part of an inventory's model is."""

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Model(BaseModel):
    """Frozen, and refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Model):
    """An entry of a section: `id` is its key there."""

    _id: str = PrivateAttr(default="")

    @property
    def id(self) -> str:
        """The entry's key in the inventory."""
        return self._id

    def __str__(self) -> str:
        return self._id
