"""The trial of a new model: so many readings, watched against its predecessor."""

from edge.detection.verdict import Verdict

WEEK_S = 7 * 86_400.0
TRIAL_READINGS = 360
TRIAL_BUDGETS = 20.0


class Probation:
    """Counts readings that a new model judges; `failure` says why it is to go.

    A reading is held against it when it calls strange what its predecessor calls normal: of a
    real event both speak. The budget allows so many false alarms a week, and each lasts `calm_s`
    at least; `budgets` times as many flagged readings are borne.
    """

    def __init__(
        self,
        readings: int = TRIAL_READINGS,
        *,
        period_s: float,
        calm_s: float,
        false_alarms_per_week: float,
        budgets: float = TRIAL_BUDGETS,
    ) -> None:
        self.left = readings
        self.failure: str | None = None
        self._readings = readings
        self._flagged = 0
        alarms = false_alarms_per_week * readings * period_s / WEEK_S
        self._borne = budgets * alarms * calm_s / period_s
        self._budgets = budgets

    def see(self, verdict: Verdict, before: Verdict) -> None:
        """What both models said of one reading; readings that the new one could not judge do not count."""
        if verdict.state == "no_model" and before.state != "no_model":
            self.failure = f"it erred: {verdict.why}"
        if verdict.anomaly is None:
            return
        self.left -= 1
        self._flagged += verdict.anomaly and not before.anomaly
        if self._flagged > self._borne:
            judged = self._readings - self.left
            self.failure = (
                f"it called {self._flagged} of {judged} readings strange, which the last model did not; "
                f"{self._budgets:g} times its budget is borne"
            )
