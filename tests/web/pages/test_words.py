"""What things are called on the pages: everything there is has words."""

from flowkeys.domain.journal import Subject
from flowkeys.domain.permissions import GROUPS
from flowkeys.web.pages.audit.words import SUBJECTS
from flowkeys.web.pages.words import GROUP_NAMES


def test_every_group_of_permissions_has_a_name() -> None:
    """The pages of people and of keys name the permissions that somebody holds, whichever they are."""
    assert GROUP_NAMES.keys() == GROUPS.keys()


def test_every_kind_of_subject_has_a_word() -> None:
    """The audit log shows entries about all of them."""
    assert SUBJECTS.keys() == {subject.value for subject in Subject}
