"""A look at the alarms: the rules asked, what they found told, and the rollout stopped where they say so."""

from deploy.rollout import recall, rules
from deploy.rollout.desk import Desk
from deploy.rollout.member import Stage

_WHOM = {"control": "the others", "before": "before", "": "nobody to compare with"}


def look_again(desk: Desk, number: int) -> None:
    """The look of that number, of all waves; one that was had already is not had again."""
    state, watching = desk.state, desk.state.watching
    if number <= state.looks or not watching.new.seconds:
        return
    look = rules.look(
        number,
        state.looks,
        state.waves * rules.LOOKS,
        watching.new.group(len(desk.of(Stage.HAS))),
        watching.control.group(len(desk.control())),
        watching.earlier.group(0),
        state.plan.most_alarms,
    )
    state.looks = number
    _tell(desk, look)
    if look.why is not None:
        recall.stop(desk, look.why)


def _tell(desk: Desk, look: rules.Look) -> None:
    parts = [
        f"look {look.number} of {look.of}: {look.new.alarms} alarms in {rules.hours(look.new.seconds)}",
        _WHOM[look.beside_whom],
        f"p = {look.chance:.2g}, against the ceiling {look.chance_of_ceiling:.2g}",
        f"stops at {look.spends:.2g}",
    ]
    if look.beside_whom:
        parts[1] += f" {look.beside.alarms} in {rules.hours(look.beside.seconds)}"
    facts = {
        "look": look.number,
        "of": look.of,
        "alarms": look.new.alarms,
        "seconds": round(look.new.seconds, 1),
        "others": look.beside_whom or None,
        "others_alarms": look.beside.alarms,
        "others_seconds": round(look.beside.seconds, 1),
        "p": look.chance,
        "p_ceiling": look.chance_of_ceiling,
        "stops_at": look.spends,
    }
    desk.tell("look", "; ".join(parts), **facts)
