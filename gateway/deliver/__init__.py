"""Stage 10 of 10: ReleasableResult → Arrow stream. The last message carries the receipt."""

from gateway.deliver.deliver import Delivered, Delivery, deliver
from gateway.deliver.flight_data import FlightMessage

__all__ = ["Delivered", "Delivery", "FlightMessage", "deliver"]
