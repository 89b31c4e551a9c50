"""Who a caller is: tokens, their keys, password hashes. No I/O; imports errors and seams."""
