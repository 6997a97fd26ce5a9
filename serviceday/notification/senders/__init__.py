"""Senders: how a message leaves, and whether it arrived."""

from serviceday.notification.senders.contract import Envelope, NotDelivered, Rejected, Sender, Unaddressed
from serviceday.notification.senders.opening import sender_of

__all__ = ["Envelope", "NotDelivered", "Rejected", "Sender", "Unaddressed", "sender_of"]
