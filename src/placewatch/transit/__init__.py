"""Transit: public-transport vehicles that publish their own position, beside all cameras."""
