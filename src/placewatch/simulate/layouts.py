"""Layouts: twenty junctions, each unlike the others, by which counts are checked."""

from dataclasses import replace

from placewatch.simulate.plan import Junction, Leg, legs


def layouts() -> tuple[Junction, ...]:
    """The twenty, always in the same order."""
    square = (0.0, 90.0, 180.0, 270.0)
    cross = legs(square, per_h=350.0)
    wide = legs(square, per_h=500.0, lanes_in=2, lanes_out=2)
    tee = legs((90.0, 180.0, 270.0), per_h=300.0)
    star = legs((0.0, 72.0, 144.0, 216.0, 288.0), per_h=220.0)
    wye = legs((0.0, 120.0, 240.0), per_h=300.0)
    return (
        Junction("cross-signal", "Four arms, signals", cross),
        Junction("cross-signal-2", "Four arms of two lanes, signals", wide),
        Junction(
            "cross-signal-3",
            "Four arms of three lanes, signals",
            legs(square, per_h=650.0, lanes_in=3, lanes_out=3),
            counted_at_m=40.0,
        ),
        Junction(
            "cross-signal-uneven",
            "Two lanes in, one out, signals",
            legs(square, per_h=380.0, lanes_in=2, lanes_out=1),
        ),
        Junction("cross-signal-skew", "Four arms askew, signals", legs((5.0, 80.0, 195.0, 262.0))),
        Junction(
            "cross-signal-acute",
            "Two streets at a sharp angle, signals",
            legs((0.0, 45.0, 180.0, 225.0), per_h=260.0),
            counted_at_m=50.0,
        ),
        Junction("tee-signal", "Three arms, signals", tee),
        Junction("wye-signal", "Three arms alike, signals", wye),
        Junction("star-signal", "Five arms, signals", star, counted_at_m=40.0),
        Junction(
            "cross-priority", "A street across a main street", _main(cross, "E", "W"), "priority"
        ),
        Junction("tee-priority", "A side street", _main(tee, "E", "W"), "priority"),
        Junction(
            "tee-priority-skew",
            "A side street askew",
            _main(legs((95.0, 215.0, 270.0), per_h=280.0), "E", "W"),
            "priority",
            counted_at_m=40.0,
        ),
        Junction("wye-priority", "Three arms, two of them main", _main(wye, "N", "SE"), "priority"),
        Junction(
            "cross-rural",
            "A country crossroads",
            _main(legs(square, per_h=160.0, speed_m_s=22.2, length_m=300.0), "N", "S"),
            "priority",
            people_per_h=0.0,
        ),
        Junction(
            "cross-right",
            "Four equal arms, right before left",
            legs(square, per_h=130.0, speed_m_s=8.33),
            "right_before_left",
        ),
        Junction(
            "tee-right",
            "Three equal arms, right before left",
            legs((0.0, 90.0, 270.0), per_h=150.0, speed_m_s=8.33),
            "right_before_left",
        ),
        Junction("ring-3", "A roundabout of three arms", wye, "roundabout", 45.0, back=0.03),
        Junction(
            "ring-4",
            "A roundabout of four arms",
            legs(square, per_h=280.0),
            "roundabout",
            counted_at_m=45.0,
            back=0.03,
        ),
        Junction(
            "ring-4-wide",
            "A roundabout of two lanes",
            legs(square, per_h=400.0, lanes_in=2, lanes_out=2),
            "roundabout",
            counted_at_m=55.0,
            ring_m=22.0,
            ring_lanes=2,
            back=0.03,
        ),
        Junction(
            "ring-5",
            "A roundabout of five arms",
            star,
            "roundabout",
            counted_at_m=55.0,
            ring_m=22.0,
            back=0.03,
        ),
    )


def _main(arms: tuple[Leg, ...], *major: str) -> tuple[Leg, ...]:
    """The same legs, of which those named have the right of way, and twice the others' traffic."""
    return tuple(
        replace(leg, major=True) if leg.name in major else replace(leg, per_h=0.5 * leg.per_h)
        for leg in arms
    )
