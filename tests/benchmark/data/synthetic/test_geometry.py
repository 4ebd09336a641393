import pytest
import torch

from benchmark.data.synthetic.expression import AUS, MOVEMENT_NAMES, au_labels, movement_index
from benchmark.data.synthetic.geometry import pose_vertices, rest_shape, rotation
from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import sample_identity
from benchmark.data.synthetic.performance import Performance
from benchmark.data.synthetic.seeds import generator

Vector = tuple[float, float, float]

INNER_BROWS, OUTER_BROWS, UPPER_LIDS, CHIN = (21, 22), (17, 18, 25, 26), (37, 38, 43, 44), (8,)
MOUTH_CORNERS, LOWER_LIP, NOSTRILS, CHEEKS = (48, 54), (57, 66), (31, 35), (40, 41, 46, 47)


def landmarks(intensity: torch.Tensor) -> torch.Tensor:
    """Landmarks (68, 3, B) of one person facing the camera."""
    n = len(intensity)
    performance = Performance(intensity, torch.zeros(n).long(), torch.zeros(n, 3), torch.zeros(n, 2))
    points, _ = pose_vertices(
        rest_shape(sample_identity(generator("test", 1))), performance.actions(), performance.pose
    )
    return points[head().landmarks]


def moved(*movements: str) -> torch.Tensor:
    """Displacement (68, 3) of the landmarks by movements at full intensity, dm."""
    intensity = torch.zeros(2, len(MOVEMENT_NAMES))
    intensity[1, [movement_index(name) for name in movements]] = 1.0
    points = landmarks(intensity)
    return points[..., 1] - points[..., 0]


@pytest.mark.parametrize(
    ("unit", "points", "axis", "sign"),
    [
        ("AU1", INNER_BROWS, 1, 1),
        ("AU2", OUTER_BROWS, 1, 1),
        ("AU4", INNER_BROWS, 1, -1),
        ("AU5", UPPER_LIDS, 1, 1),
        ("AU6", CHEEKS, 1, 1),
        ("AU9", NOSTRILS, 1, 1),
        ("AU12", MOUTH_CORNERS, 1, 1),
        ("AU17", LOWER_LIP, 1, 1),
        ("AU25", LOWER_LIP, 1, -1),
        ("AU26", CHIN, 1, -1),
    ],
)
def test_action_units_move_their_landmarks(unit: str, points: tuple[int, ...], axis: int, sign: int) -> None:
    assert (sign * moved(unit)[list(points), axis] > 0.01).all()


def test_au20_widens_the_mouth() -> None:
    left, right = moved("AU20")[list(MOUTH_CORNERS), 0]
    assert left < -0.02
    assert right > 0.02


def test_labels_follow_intensity() -> None:
    intensity = torch.zeros(3, len(MOVEMENT_NAMES))
    intensity[1, [movement_index("AU26"), movement_index("left AU12"), movement_index("AU4")]] = torch.tensor(
        [0.8, 0.6, 0.1]
    )
    labels = [{name for name, label in zip(AUS, row, strict=True) if label} for row in au_labels(intensity)]
    assert labels == [set(), {"AU12", "AU25", "AU26"}, set()]


@pytest.mark.parametrize(
    ("pose", "vertex", "expected"),
    [
        ((20.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1, 1, 0)),  # roll > 0: the crown moves to the right of the image
        ((0.0, 20.0, 0.0), (0.0, 0.0, 1.0), (0, 1, 1)),  # pitch > 0: the nose moves up
        ((0.0, 0.0, 20.0), (0.0, 0.0, 1.0), (-1, 0, 1)),  # yaw > 0: the nose moves to the left of the image
    ],
)
def test_signs_of_pose(pose: Vector, vertex: Vector, expected: tuple[int, int, int]) -> None:
    turned = rotation(torch.tensor([pose]))[..., 0] @ torch.tensor(vertex)
    assert turned.sign().int().tolist() == list(expected)


def test_rotations_are_rigid() -> None:
    matrix = rotation(torch.tensor([[10.0, -20.0, 35.0]]))[..., 0]
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(3))
    assert torch.linalg.det(matrix) == pytest.approx(1.0)


def test_people_differ_in_shape() -> None:
    faces = [rest_shape(sample_identity(generator("test", i))).rest[head().landmarks] for i in range(8)]
    distances = torch.cdist(torch.stack(faces).flatten(1), torch.stack(faces).flatten(1))
    assert distances[~torch.eye(8, dtype=torch.bool)].min() > 0.3
