"""How often the intervals hold the true mean, by simulation.

Seeds, people and their interaction are normal, with standard deviations from "seeds do not differ" to "seeds differ
more than people do". ``python -m tests.probes.test_coverage`` prints the coverage of each, beside that of a percentile
bootstrap over seeds and people.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.statistics import LEVEL, estimate

PEOPLE = 60
SPREADS = {  # of seeds, people, interaction
    "seeds do not differ": (0.0, 1.0, 1.0),
    "seeds differ little": (0.05, 1.0, 1.0),
    "people differ most": (0.15, 1.0, 0.3),
    "seeds differ as means of people do": (0.3, 1.0, 1.0),
    "seeds differ much": (2.0, 1.0, 1.0),
    "only seeds differ, people by chance": (0.7, 0.05, 1.4),
}
RESAMPLES = 200


def draw(spreads: tuple[float, float, float], seeds: int, random: np.random.Generator) -> NDArray[np.float64]:
    of_seeds, of_people, rest = spreads
    return (
        of_seeds * random.standard_normal((seeds, 1))
        + of_people * random.standard_normal((1, PEOPLE))
        + rest * random.standard_normal((seeds, PEOPLE))
    )


def two_way(scores: NDArray[np.float64], level: float = LEVEL) -> bool:
    """Whether the interval holds the true mean, 0."""
    without = (scores.sum(1, keepdims=True) - scores) / (PEOPLE - 1)
    low, high = estimate(scores.mean(1), without).interval(level)
    return low <= 0 <= high


def bootstrap(scores: NDArray[np.float64], random: np.random.Generator) -> bool:
    """The same for the percentile interval of means over resampled seeds and people."""
    seeds = random.multinomial(len(scores), np.full(len(scores), 1 / len(scores)), RESAMPLES) / len(scores)
    people = random.multinomial(PEOPLE, np.full(PEOPLE, 1 / PEOPLE), RESAMPLES) / PEOPLE
    low, high = np.quantile(((seeds @ scores) * people).sum(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return bool(low <= 0 <= high)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("spreads", SPREADS.values(), ids=SPREADS)
def test_intervals_hold_the_mean_as_often_as_they_say(spreads: tuple[float, float, float], seeds: int) -> None:
    random = np.random.default_rng(seeds)
    layouts = [draw(spreads, seeds, random) for _ in range(800)]
    held = np.mean([two_way(scores) for scores in layouts])
    assert 0.93 <= held <= 0.99  # 98 % of many draws at three seeds; the standard error of 800 is 0.8 %
    missed = sum(not two_way(scores, 0.995) for scores in layouts)
    assert missed <= 11  # of 4 expected: more have a probability of .2 % (binomial)


if __name__ == "__main__":
    for name, spreads in SPREADS.items():
        for seeds in (1, 2, 3, 5, 10):
            random = np.random.default_rng(seeds)
            layouts = [draw(spreads, seeds, random) for _ in range(2000)]
            held = np.mean([two_way(scores) for scores in layouts])
            resampled = np.mean([bootstrap(scores, random) for scores in layouts])
            rare = np.mean([two_way(scores, 0.999) for scores in layouts])
            figures = f"interval {held:.3f}, of 99.9 % {rare:.4f}, bootstrap {resampled:.3f}"
            print(f"{name:34} {seeds:2} seeds: {figures}", flush=True)
