"""Intervals of a median, and what they allow to say."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.intervals import (
    CONFIDENCE,
    STRICT_CONFIDENCE,
    Interval,
    confidence_for,
    count_rounds_needed,
    estimate_median,
    estimate_ratio,
    factor,
    find_rank,
    judge_interval,
    judge_log_ratios,
    least_rounds,
    pair_log_ratios,
)
from harness.model import LEAST_ROUNDS, SpeedVerdict

LOGS = st.lists(st.floats(-3, 3), min_size=1, max_size=40)
VALUES = st.dictionaries(st.integers(1, 40), st.floats(1e-3, 1e9), min_size=1)


@pytest.mark.parametrize(
    ("confidence", "ranks"),
    [
        (0.95, {5: 0, 6: 1, 8: 1, 10: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 60: 22}),
        (0.99, {7: 0, 8: 1, 10: 1, 12: 2, 15: 3, 20: 4, 25: 6, 30: 8, 40: 12, 50: 16, 60: 20}),
    ],
)
def test_ranks_are_those_of_the_table(confidence, ranks):
    """As in MEASUREMENT, step 8."""
    assert {count: find_rank(count, confidence) for count in ranks} == ranks


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_a_rank_is_the_largest_that_keeps_its_promise(confidence):
    """Computed another way: the chance that the median lies outside, summed over who is below it."""
    for count in range(2, 80):
        rank = find_rank(count, confidence)

        def inside(k, count=count):
            return sum(math.comb(count, below) for below in range(k, count - k + 1)) / 2**count

        assert rank == 0 or inside(rank) >= confidence
        assert rank == count // 2 or inside(rank + 1) < confidence


def test_any_number_of_rounds():
    """Also so many that a float does not hold their powers."""
    assert 900 < find_rank(2_000, 0.95) < 1_000


def test_the_least_rounds_of_each_confidence():
    """Six rounds for 95 %, eight for 99 %."""
    assert (least_rounds(CONFIDENCE), least_rounds(STRICT_CONFIDENCE)) == (LEAST_ROUNDS, 8)


def test_many_backends_need_more_confidence():
    """A row of four makes three comparisons or more."""
    assert [confidence_for(count) for count in (2, 3, 4, 7)] == [0.95, 0.95, 0.99, 0.99]


def test_pairs_are_of_one_round():
    """A round that one of them lacks is left out, and so is a value that has no logarithm."""
    pairs = pair_log_ratios({1: 2.0, 2: 8.0, 3: 5.0, 4: 0.0, 5: 1.0}, {2: 4.0, 1: 2.0, 4: 1.0, 5: -1.0, 9: 7.0})
    assert pairs == (0.0, pytest.approx(math.log(2)))


@given(VALUES, VALUES)
def test_exchanging_two_backends_inverts_the_ratio(values, reference):
    """Neither is favoured."""
    there, back = pair_log_ratios(values, reference), pair_log_ratios(reference, values)
    assert [-ratio for ratio in there] == pytest.approx(back)


@given(VALUES, VALUES, st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(values, reference, scale):
    """Nanoseconds or seconds: the same ratios."""
    scaled = ({key: value * scale for key, value in side.items()} for side in (values, reference))
    assert pair_log_ratios(*scaled) == pytest.approx(pair_log_ratios(values, reference), abs=1e-9)


@given(LOGS, st.randoms())
def test_the_order_of_rounds_does_not_matter(sample, shuffler):
    """A sample is a set of rounds."""
    shuffled = list(sample)
    shuffler.shuffle(shuffled)
    assert estimate_median(sample, CONFIDENCE) == estimate_median(shuffled, CONFIDENCE)


@given(LOGS)
def test_an_interval_holds_its_median_and_more_confidence_is_wider(sample):
    """Both bounds are values that were seen."""
    usual, strict = (estimate_median(sample, confidence) for confidence in (CONFIDENCE, STRICT_CONFIDENCE))
    assert (usual is None) == (len(sample) < LEAST_ROUNDS)
    if usual is not None:
        assert usual.low <= usual.median <= usual.high
        assert {usual.low, usual.high} <= set(sample)
        assert usual.median == statistics.median(sample)
    if strict is not None:
        assert strict.low <= usual.low <= usual.high <= strict.high


@given(LOGS, st.booleans())
def test_the_mirrored_interval_has_the_mirrored_verdict(sample, higher_is_better):
    """What is faster than the reference is what the reference is slower than."""
    mirror = {
        SpeedVerdict.FASTER: SpeedVerdict.SLOWER,
        SpeedVerdict.SLIGHTLY_FASTER: SpeedVerdict.SLIGHTLY_SLOWER,
        SpeedVerdict.SLIGHTLY_SLOWER: SpeedVerdict.SLIGHTLY_FASTER,
        SpeedVerdict.SLOWER: SpeedVerdict.FASTER,
    }
    there = estimate_median(sample, CONFIDENCE)
    back = estimate_median([-value for value in sample], CONFIDENCE)
    if there is not None:
        verdicts = [judge_interval(i, needed=0.95, higher_is_better=higher_is_better) for i in (there, back)]
        assert verdicts[1] == mirror.get(verdicts[0], verdicts[0])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.50, 0.60, SpeedVerdict.FASTER),
        (0.96, 0.9708, SpeedVerdict.FASTER),
        (0.96, 0.98, SpeedVerdict.SLIGHTLY_FASTER),
        (0.98, 0.99, SpeedVerdict.EQUIVALENT),
        (0.98, 1.02, SpeedVerdict.EQUIVALENT),
        (1.01, 1.029, SpeedVerdict.EQUIVALENT),
        (0.98, 1.04, SpeedVerdict.INCONCLUSIVE),
        (0.50, 2.00, SpeedVerdict.INCONCLUSIVE),
        (1.01, 1.04, SpeedVerdict.SLIGHTLY_SLOWER),
        (1.031, 1.04, SpeedVerdict.SLOWER),
    ],
)
def test_a_verdict_has_a_margin(low, high, verdict):
    """3 %: what is smaller is no difference, and what may be smaller is a slight one."""
    interval = Interval(math.log(math.sqrt(low * high)), math.log(low), math.log(high), 0.95)
    assert judge_interval(interval, needed=0.95, higher_is_better=False) is verdict


def test_higher_may_be_better():
    """Twice the requests per second is faster."""
    interval = Interval(math.log(2), math.log(1.9), math.log(2.1), 0.95)
    assert judge_interval(interval, needed=0.95, higher_is_better=True) is SpeedVerdict.FASTER
    assert judge_interval(interval, needed=0.95, higher_is_better=False) is SpeedVerdict.SLOWER


def test_too_little_confidence_says_nothing():
    """Six rounds of five backends: the interval is shown, and nothing is concluded from it."""
    sample = [math.log(0.5)] * 6
    assert estimate_ratio(sample, 5).confidence == CONFIDENCE
    assert judge_interval(estimate_ratio(sample, 5), needed=0.99, higher_is_better=False) is SpeedVerdict.INCONCLUSIVE
    assert judge_interval(estimate_ratio(sample, 3), needed=0.95, higher_is_better=False) is SpeedVerdict.FASTER
    assert count_rounds_needed(estimate_ratio(sample, 5), 6, needed=0.99) == 8
    assert estimate_ratio([0.0] * 8, 5).confidence == STRICT_CONFIDENCE
    assert estimate_ratio([0.0] * 5, 2) is None


def test_a_slight_difference_needs_the_stricter_confidence():
    """Ten rounds, of which one disagrees: the 95 % interval leaves out 1 and the 99 % interval does not."""
    one_disagrees = [-0.01, *[0.02] * 4, *[0.05] * 5]
    interval, verdict = judge_log_ratios(one_disagrees, 2, higher_is_better=False)
    assert judge_interval(interval, needed=CONFIDENCE, higher_is_better=False) is SpeedVerdict.SLIGHTLY_SLOWER
    assert verdict is SpeedVerdict.INCONCLUSIVE
    _, unanimous = judge_log_ratios([0.01, *one_disagrees[1:]], 2, higher_is_better=False)
    assert unanimous is SpeedVerdict.SLIGHTLY_SLOWER


def test_six_rounds_are_too_few_for_a_slight_difference():
    """There is no 99 % interval of six; that of 95 % may still say faster or slower."""
    assert judge_log_ratios([0.02] * 3 + [0.05] * 3, 2, higher_is_better=False)[1] is SpeedVerdict.INCONCLUSIVE
    assert judge_log_ratios([0.1] * 6, 2, higher_is_better=False)[1] is SpeedVerdict.SLOWER


def test_rounds_that_would_decide():
    """A quarter of the width costs sixteen times the rounds; a median between 1 and the margin is the hardest."""
    apart = Interval(math.log(1.1), math.log(1.1) - 4 * math.log(1.1), math.log(1.1) + 4 * math.log(1.1), 0.95)
    assert count_rounds_needed(apart, 10, needed=0.95) == 160
    equal, between = (Interval(middle, middle - 0.05, middle + 0.05, 0.95) for middle in (0.0, math.log(1.03) / 2))
    assert count_rounds_needed(equal, 10, needed=0.95) < count_rounds_needed(between, 10, needed=0.95)
    assert count_rounds_needed(Interval(0.0, 0.0, 0.0, 0.95), 6, needed=0.99) == 8


def test_a_factor_is_always_a_number():
    """A logarithm of any size."""
    assert factor(0.0) == 1.0
    assert 0 < factor(-1e9) < factor(1e9) < math.inf


def noise(source, spread):
    """Return noise as of a shared machine: lognormal, now and then disturbed much more."""
    disturbed = source.random() < 0.1
    return source.gauss(0, spread) + (abs(source.gauss(0, 20 * spread)) if disturbed else 0.0)


def simulate(seed, rounds, ratio, spread=0.02):
    """Return log-ratios of rounds whose drift both backends share."""
    source = random.Random(f"{seed}/{rounds}")
    drift = [source.gauss(0, 0.3) for _ in range(rounds)]
    values = {number: 1e3 * ratio * math.exp(shift + noise(source, spread)) for number, shift in enumerate(drift)}
    reference = {number: 1e3 * math.exp(shift + noise(source, spread)) for number, shift in enumerate(drift)}
    return pair_log_ratios(values, reference)


@pytest.mark.parametrize("rounds", [6, 10, 15, 30])
def test_an_interval_holds_the_truth_as_often_as_it_promises(rounds):
    """In 1,500 simulated runs; the seed is fixed, and 2 % are more than three standard errors."""
    truth = math.log(1.1)
    held = [
        interval.low <= truth <= interval.high
        for seed in range(1_500)
        if (interval := estimate_median(simulate(seed, rounds, 1.1), CONFIDENCE))
    ]
    assert len(held) == 1_500
    assert statistics.fmean(held) >= CONFIDENCE - 0.02


def test_identical_code_is_seldom_called_different():
    """At most 5 % of 1,500 comparisons of a program with itself."""
    verdicts = [
        judge_interval(estimate_median(simulate(seed, 15, 1.0), CONFIDENCE), needed=0.95, higher_is_better=False)
        for seed in range(1_500)
    ]
    wrong = [v for v in verdicts if v not in (SpeedVerdict.EQUIVALENT, SpeedVerdict.INCONCLUSIVE)]
    assert len(wrong) / len(verdicts) <= 0.05


def test_a_real_difference_is_found():
    """A tenth slower is called slower by 15 rounds in nine of ten cases."""
    verdicts = [
        judge_interval(estimate_median(simulate(seed, 15, 1.1), CONFIDENCE), needed=0.95, higher_is_better=False)
        for seed in range(300)
    ]
    assert verdicts.count(SpeedVerdict.SLOWER) >= 270
