"""What the image's tests share: a picanary wheel, and the stand-ins for a Pi's wheels, as for a card."""

from tests.deploy.card.conftest import house as house
from tests.deploy.card.conftest import wheel as wheel
